import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Client } from "./client.ts";
import { Transport } from "./transport.ts";

let server: Http2Server;
let url: string;
let answer: (stream: ServerHttp2Stream, body: string) => void;

beforeEach(async () => {
  server = createServer();
  server.on("stream", (stream) => {
    let body = "";
    stream.on("error", () => undefined);
    stream.on("data", (chunk) => (body += String(chunk)));
    stream.on("end", () => answer(stream, body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.close();
});

describe("Transport.exchange", () => {
  it("answers with status and whole body, however many frames it came in", async () => {
    answer = (stream, body) => {
      stream.respond({ ":status": 201 });
      stream.write(`you sent ${body}, `);
      stream.end("and more");
    };
    await using transport = new Transport({ server: url });
    const { status, text } = await transport.exchange({ method: "POST", path: "/", body: "x" });
    expect([status, text]).toEqual([201, "you sent x, and more"]);
  });

  it("keeps many answers apart on one connection", async () => {
    answer = (stream, body) => {
      stream.respond({ ":status": 200 });
      stream.end(body);
    };
    await using transport = new Transport({ server: url });
    const bodies = Array.from({ length: 300 }, (_, i) => `body ${i}`);
    const answers = await Promise.all(bodies.map((body) => transport.exchange({ method: "POST", path: "/", body })));
    expect(answers.map(({ text }) => text)).toEqual(bodies);
  });

  it("asks no more at a time than a server takes, and all in the end", async () => {
    let open = 0;
    let most = 0;
    answer = (stream, body) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        stream.respond({ ":status": 200 });
        stream.end(body);
      }, 1);
    };
    await using transport = new Transport({ server: url });
    const bodies = Array.from({ length: 2_000 }, (_, i) => `body ${i}`);
    const answers = await Promise.all(bodies.map((body) => transport.exchange({ method: "POST", path: "/", body })));
    expect(answers.map(({ text }) => text)).toEqual(bodies);
    expect(most).toBeLessThanOrEqual(512);
  });

  it("lets those who wait go on when others are given up", async () => {
    answer = (stream, body) => {
      if (body === "never") return;
      stream.respond({ ":status": 200 });
      stream.end(body);
    };
    await using transport = new Transport({ server: url });
    const lost = Array.from({ length: 600 }, () =>
      transport.exchange({ method: "POST", path: "/", body: "never", timeoutMs: 50 }),
    );
    const last = transport.exchange({ method: "POST", path: "/", body: "last" });
    expect((await Promise.allSettled(lost)).every(({ status }) => status === "rejected")).toBe(true);
    expect((await last).text).toBe("last");
  });

  it("says with which code a stream was reset", async () => {
    answer = (stream) => stream.close(11);
    await using transport = new Transport({ server: url });
    await expect(transport.exchange({ method: "GET", path: "/" })).rejects.toThrow(/code 11|ENHANCE_YOUR_CALM/);
  });

  it("rejects with the reason of an aborted signal", async () => {
    const abort = new AbortController();
    answer = () => abort.abort(new Error("not needed any more"));
    await using transport = new Transport({ server: url });
    const asked = transport.exchange({ method: "GET", path: "/", signal: abort.signal });
    await expect(asked).rejects.toThrow("not needed any more");
  });

  it("gives up after the time limit, saying what was asked", async () => {
    answer = () => undefined;
    await using transport = new Transport({ server: url });
    const asked = transport.exchange({ method: "GET", path: "/slow", timeoutMs: 20 });
    await expect(asked).rejects.toThrow("no answer to GET /slow within 0.02 s");
  });
});

describe("Client.request", () => {
  it("throws the Status that the server answers", async () => {
    answer = (stream) => {
      stream.respond({ ":status": 404 });
      stream.end(JSON.stringify({ kind: "Status", reason: "NotFound", message: "no such pod", code: 404 }));
    };
    await using client = new Client({ server: url });
    await expect(client.request("GET", "/x")).rejects.toMatchObject({ status: { reason: "NotFound", code: 404 } });
  });

  it("says what a proxy said", async () => {
    answer = (stream) => {
      stream.respond({ ":status": 502 });
      stream.end("bad gateway");
    };
    await using client = new Client({ server: url });
    await expect(client.request("GET", "/x")).rejects.toThrow("the server answered 502: bad gateway");
  });
});
