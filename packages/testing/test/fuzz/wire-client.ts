import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import type { RestConfig } from "@knots/client";

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Ends the stream as soon as the answer has begun: for a watch. */
  readonly headersOnly?: boolean;
}

export interface WireAnswer {
  readonly status: number;
  readonly type: string;
  readonly bytes: Buffer;
}

/** Requests as they are, without a client's help, over one HTTP/2 connection. */
export class WireClient implements AsyncDisposable {
  readonly #session: ClientHttp2Session;

  constructor({ server, caData, clientCertData, clientKeyData }: RestConfig) {
    this.#session = connect(server, {
      ...(caData === undefined ? {} : { ca: caData }),
      ...(clientCertData === undefined ? {} : { cert: clientCertData }),
      ...(clientKeyData === undefined ? {} : { key: clientKeyData }),
    });
    // Whoever waits for an answer learns of it from its stream.
    this.#session.on("error", () => undefined);
  }

  async send({ method, path, headers, body, headersOnly }: WireRequest): Promise<WireAnswer> {
    const stream = this.#session.request(
      { ":method": method, ":path": path, "user-agent": "fuzz/1", ...headers },
      { endStream: body === undefined },
    );
    const answered = once(stream, "response") as Promise<[Record<string, string | number>]>;
    if (body !== undefined) stream.end(body);
    const [head] = await answered;
    const chunks: Buffer[] = [];
    if (headersOnly === true && head[":status"] === 200) stream.close();
    else for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    return { status: Number(head[":status"]), type: String(head["content-type"] ?? ""), bytes: Buffer.concat(chunks) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#session.destroyed) return;
    const closed = once(this.#session, "close");
    this.#session.destroy();
    await closed;
  }
}
