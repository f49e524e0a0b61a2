import { once } from "node:events";
import { connect, constants } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { expect, it } from "vitest";
import { Harness } from "./harness.ts";

it("a client that gives up thousands of watches keeps its connection", async () => {
  await using api = await Harness.start();
  const { server, caData, clientCertData, clientKeyData } = api.server.loopbackConfig;
  const session = connect(server, { ca: caData, cert: clientCertData, key: clientKeyData });
  const failures: unknown[] = [];
  session.on("error", (error) => failures.push(error));
  session.on("goaway", (code) => failures.push(`GOAWAY ${code}`));
  const path = "/api/v1/namespaces/default/configmaps?watch=true";
  try {
    for (let round = 0; round < 30; round++) {
      const watches = Array.from({ length: 100 }, () => session.request({ ":path": path }));
      for (const watch of watches) watch.on("error", () => undefined);
      await Promise.all(watches.map((watch) => once(watch, "response")));
      for (const watch of watches) watch.close(constants.NGHTTP2_CANCEL);
    }
    const last = session.request({ ":path": "/version" });
    const [headers] = (await once(last, "response")) as [Record<string, unknown>];
    expect(headers[":status"]).toBe(200);
    expect(failures).toEqual([]);
  } finally {
    session.destroy();
  }
});

it("keeps nothing of a body that was not sent to its end", async () => {
  await using api = await Harness.start();
  const { server, caData, clientCertData, clientKeyData } = api.server.loopbackConfig;
  const open = (): ClientHttp2Session => {
    const session = connect(server, { ca: caData, cert: clientCertData, key: clientKeyData });
    return session.on("error", () => undefined);
  };
  /** A document that could be whole, sent without the stream's end. */
  const begin = async (session: ClientHttp2Session, name: string): Promise<ClientHttp2Stream> => {
    const headers = { ":path": "/api/v1/namespaces/default/configmaps", ":method": "POST" };
    const stream = session.request({ ...headers, "content-type": "application/yaml" });
    stream.on("error", () => undefined);
    const document = `{kind: ConfigMap, apiVersion: v1, metadata: {name: ${name}}, data: {a: b}}`;
    await new Promise((resolve) => stream.write(document, resolve));
    // What is answered on the same connection later was sent later.
    const ping = session.request({ ":path": "/version" });
    ping.resume();
    await once(ping, "end");
    return stream;
  };
  const kept = open();
  const dropped = open();
  try {
    // Not close(): that would end the body.
    (await begin(kept, "reset")).destroy();
    await begin(dropped, "cut");
    const cut = once(dropped, "close");
    dropped.destroy();
    await cut;
    // Written to its end, and after the two others had been given up.
    const whole = await begin(kept, "whole");
    const answered = once(whole, "response");
    whole.end();
    const [headers] = (await answered) as [Record<string, unknown>];
    expect(headers[":status"]).toBe(201);
    const list = await api.request("GET", "/api/v1/namespaces/default/configmaps");
    const { items } = list.body as { items: { metadata: { name: string } }[] };
    expect(items.map(({ metadata }) => metadata.name).filter((name) => name !== "kube-root-ca.crt")).toEqual(["whole"]);
  } finally {
    kept.destroy();
    dropped.destroy();
  }
});
