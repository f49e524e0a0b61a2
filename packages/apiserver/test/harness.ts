import { connect } from "node:http2";
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { gunzipSync } from "node:zlib";
import { RealClock, nullLogger } from "@knots/machinery";
import { issue } from "@knots/machinery/pki/index";
import type { Store } from "@knots/store";
import { openTestStore } from "./engine.ts";
import type { ApiServerOptions } from "../src/options.ts";
import { ApiServer } from "../src/server.ts";

/** JSON of unknown shape: tests look into answers freely. */
// oxlint-disable-next-line typescript/no-explicit-any -- an answer's shape is what the test asserts
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
  readonly text: string;
  /** The body, uncompressed. */
  readonly bytes: Uint8Array;
}

/** A real API server over the store that the project names (see engine.ts), spoken to over the wire as system:masters. */
export class Harness implements AsyncDisposable {
  readonly server: ApiServer;
  readonly store: Store;
  #session: ClientHttp2Session | undefined;

  private constructor(server: ApiServer, store: Store) {
    this.server = server;
    this.store = store;
  }

  /**
   * `kubeletCA` signs what the server shows to kubelets, and is what it knows them by. `store` is one that other servers
   * use too; `server` is said beside the harness's own options.
   */
  static async start(
    options: {
      kubeletCA?: { certPem: string; keyPem: string };
      store?: Store;
      server?: Partial<ApiServerOptions>;
    } = {},
  ): Promise<Harness> {
    const store = options.store ?? (await openTestStore());
    const { kubeletCA } = options;
    const client =
      kubeletCA === undefined
        ? undefined
        : await issue({
            ca: kubeletCA,
            cn: "kube-apiserver-kubelet-client",
            organizations: ["system:masters"],
            dnsNames: [],
            ipAddresses: [],
            usages: ["client"],
            days: 1,
          });
    const server = new ApiServer({
      store,
      securePort: 0,
      bindAddress: "127.0.0.1",
      clock: new RealClock(),
      logger: nullLogger,
      ...options.server,
      ...(client === undefined || kubeletCA === undefined
        ? {}
        : { kubeletClient: { cert: client.certPem, key: client.keyPem, ca: kubeletCA.certPem } }),
    });
    await server.start();
    const harness = new Harness(server, store);
    const config = server.loopbackConfig;
    harness.#session = connect(config.server, {
      ca: config.caData,
      cert: config.clientCertData,
      key: config.clientKeyData,
    });
    // What controllers do in a whole cluster.
    // Another server on the same store may have it made.
    await harness.post("/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "default" } });
    return harness;
  }

  async request(method: string, path: string, body?: unknown, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    const stream = this.#open(method, path, headers, body === undefined);
    if (body !== undefined)
      stream.end(typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body));
    const answered = new Promise<IncomingHttpHeaders>((resolve, reject) => {
      stream.once("response", resolve);
      stream.once("error", reject);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    const head = await answered;
    const raw = Buffer.concat(chunks);
    const bytes = head["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
    const text = bytes.toString("utf8");
    const json = String(head["content-type"] ?? "").startsWith("application/json");
    return {
      status: Number(head[":status"]),
      headers: head,
      text,
      bytes,
      body: json && text !== "" ? (JSON.parse(text) as Json) : undefined,
    };
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.request("GET", path, undefined, headers);
  }

  post(path: string, body: unknown, headers?: OutgoingHttpHeaders): Promise<Answer> {
    return this.request("POST", path, body, { "content-type": "application/json", ...headers });
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.request("PUT", path, body, { "content-type": "application/json" });
  }

  patch(path: string, body: unknown, type = "application/merge-patch+json"): Promise<Answer> {
    return this.request("PATCH", path, body, { "content-type": type });
  }

  delete(path: string, body?: unknown): Promise<Answer> {
    return this.request("DELETE", path, body, body === undefined ? {} : { "content-type": "application/json" });
  }

  /** The events of a watch, as they come; ends with the server's end of the stream. */
  async *watch(path: string, headers: Record<string, string> = {}): AsyncGenerator<{ type: string; object: Json }> {
    const stream = this.#open("GET", path, headers, true);
    let rest = "";
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        rest += chunk.toString("utf8");
        const lines = rest.split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") yield JSON.parse(line) as { type: string; object: Json };
      }
    } finally {
      stream.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session?.destroy();
    await this.server[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
  }

  #open(method: string, path: string, headers: OutgoingHttpHeaders, endStream: boolean) {
    const session = this.#session;
    if (session === undefined) throw new Error("not started");
    return session.request({ ":method": method, ":path": path, "user-agent": "test/1", ...headers }, { endStream });
  }
}

/** The next `count` events of a watch. */
export async function take<T>(events: AsyncGenerator<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const next = await events.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}
