import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Harness } from "./harness.ts";

/** Loopback is barred to proxies: the backend listens on an address of this machine. */
const address = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

const NS = "/api/v1/namespaces/default";

describe.skipIf(address === undefined)("proxies to pods and services", () => {
  let api: Harness;
  let backend: Server;
  const seen: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[] = [];

  beforeAll(async () => {
    backend = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const { method = "", url = "", headers } = request;
      seen.push({ method, url, headers, body });
      if (url === "/moved") response.writeHead(302, { location: "/target/" }).end();
      else if (url === "/page") {
        response.writeHead(200, { "content-type": "text/html", "access-control-allow-origin": "*" });
        response.end('<a href="/x">x</a>');
      } else response.writeHead(418, { "x-answer": "yes" }).end(`${method} ${url} ${body}`);
    });
    new WebSocketServer({ server: backend }).on("connection", (socket) =>
      socket.on("message", (data) => socket.send(`echo ${(data as Buffer).toString()}`)),
    );
    await new Promise<void>((resolve) => backend.listen(0, address, resolve));
    const { port } = backend.address() as AddressInfo;
    api = await Harness.start();
    const container = { name: "app", image: "i", ports: [{ containerPort: port }] };
    await api.post(`${NS}/pods`, { metadata: { name: "web" }, spec: { containers: [container] } });
    await api.patch(`${NS}/pods/web/status`, { status: { podIP: address, podIPs: [{ ip: address }] } });
    await api.post(`${NS}/services`, { metadata: { name: "web" }, spec: { ports: [{ name: "http", port: 80 }] } });
    await api.post(`${NS}/endpoints`, {
      metadata: { name: "web" },
      subsets: [{ addresses: [{ ip: address }], ports: [{ name: "http", port }] }],
    });
    await api.post(`${NS}/services`, { metadata: { name: "none" }, spec: { ports: [{ port: 80 }] } });
    await api.post(`${NS}/endpoints`, { metadata: { name: "none" } });
  });

  afterAll(async () => {
    await api[Symbol.asyncDispose]();
    backend.closeAllConnections();
    await new Promise<void>((resolve) => backend.close(() => resolve()));
  });

  it.each(["POST", "PUT", "PATCH", "DELETE"])("passes on %s with its body, status and headers", async (method) => {
    for (const where of ["pods/web", "services/web:80", "services/http:web:http"]) {
      const headers = { authorization: "Bearer secret", "content-type": "text/plain" };
      const {
        status,
        text,
        headers: answer,
      } = await api.request(method, `${NS}/${where}/proxy/a%20b?c=d`, "body", headers);
      expect([status, text, answer["x-answer"]]).toEqual([418, `${method} /a%20b?c=d body`, "yes"]);
      expect(seen.at(-1)?.headers.authorization).toBeUndefined();
      expect(seen.at(-1)?.headers["x-forwarded-uri"]).toBe(`${NS}/${where}/proxy/a%20b`);
    }
  });

  it("decodes the path and encodes it as Go does, without dots in it", async () => {
    for (const [path, expected] of [
      ["a%2Fb/%2E./c%21", "/a/c%21"],
      ["a!(b)//c/", "/a%21%28b%29/c/"],
      ["%E4", "/%E4"],
      ["..", "/"],
    ]) {
      const { text } = await api.request("PUT", `${NS}/pods/web/proxy/${path}?q=%2F`, "body");
      expect([path, text]).toEqual([path, `PUT ${expected}?q=%2F body`]);
    }
    expect((await api.request("POST", `${NS}/pods%2Fweb%2Fproxy`, "body")).text).toBe("POST / body");
  });

  it("leads links and redirects through itself", async () => {
    const page = await api.get(`${NS}/pods/web/proxy/page`);
    expect(page.text).toBe(`<a href="${NS}/pods/web/proxy/x">x</a>`);
    expect(page.headers["access-control-allow-origin"]).toBeUndefined();
    const moved = await api.get(`${NS}/pods/web/proxy/moved`);
    expect([moved.status, moved.headers.location]).toEqual([302, `${NS}/pods/web/proxy/target/`]);
    const slash = await api.get(`${NS}/pods/web/proxy?a=b`);
    expect([slash.status, slash.headers.location]).toEqual([301, `${NS}/pods/web/proxy/?a=b`]);
  });

  it("passes on WebSockets", async () => {
    const config = api.server.loopbackConfig;
    const socket = new WebSocket(`${config.server.replace("https", "wss")}${NS}/pods/web/proxy/ws`, {
      ca: config.caData,
      cert: config.clientCertData,
      key: config.clientKeyData,
    });
    await once(socket, "open");
    socket.send("hello");
    const [data] = (await once(socket, "message")) as [Buffer];
    expect(data.toString()).toBe("echo hello");
    socket.close();
    await once(socket, "close");
  });

  it("says what is missing", async () => {
    const message = async (path: string): Promise<unknown> => {
      const { body } = await api.get(`${NS}/${path}/proxy/`);
      return [body.code, body.message];
    };
    expect(await message("services/none")).toEqual([503, 'no endpoints available for service "none"']);
    expect(await message("services/web:81")).toEqual([503, 'no service port 81 found for service "web"']);
    expect(await message("pods/ftp:web:1")).toEqual([400, 'invalid pod request "ftp:web:1"']);
    expect(await message("pods/nobody")).toEqual([404, 'pods "nobody" not found']);
    expect(await message("pods/web:1")).toEqual([
      503,
      `error trying to reach service: dial tcp ${address}:1: connect: connection refused`,
    ]);
  });
});
