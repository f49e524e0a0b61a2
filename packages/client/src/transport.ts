// One HTTP/2 connection to the API server, made when needed and made again when lost. Requests share it.
import { readFileSync, statSync } from "node:fs";
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from "node:http2";
import { nullLogger, type Logger } from "@knots/machinery";
import type { RestConfig } from "./rest-config.ts";

export interface Exchange {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: ClientHttp2Stream;
}

/** An answer with all of its body. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Until the response's headers (and, for `exchange`, its body) are there. */
  readonly timeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** A silent connection is asked for a sign of life, so that a dead one does not hold watches for ever. */
const PING_MS = 30_000;
const PING_TIMEOUT_MS = 15_000;
/** Bytes that may be on their way to us: of one stream, and of all together. */
const STREAM_WINDOW = 4 * 1024 * 1024;
const CONNECTION_WINDOW = 32 * 1024 * 1024;

/**
 * So many requests are under way at a time, watches not counted; more wait for their turn here, where that costs nothing.
 * A server takes some thousands of streams of one connection and refuses the others.
 */
const UNDER_WAY = 512;

export class Transport implements AsyncDisposable {
  readonly #config: RestConfig;
  readonly #logger: Logger;
  #session: ClientHttp2Session | undefined;
  #connecting: Promise<ClientHttp2Session> | undefined;
  #token: { text: string; modified: number } | undefined;
  #closed = false;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(config: RestConfig, logger: Logger = nullLogger) {
    this.#config = config;
    this.#logger = logger;
  }

  /** Sends a request; resolves when the response's headers are there. Rejects when the connection fails. */
  async send(request: RequestHead): Promise<Exchange> {
    return await this.#perform<Exchange>(request, (stream, resolve) => {
      stream.once("response", (headers) => resolve({ status: Number(headers[":status"]), headers, body: stream }));
    });
  }

  /**
   * Sends a request; resolves with the whole answer. Cheaper than `send`: the body is put together as it comes, without an
   * iterator over it.
   */
  async exchange(request: RequestHead): Promise<Answer> {
    const wait = this.#enter();
    if (wait !== undefined) await wait;
    try {
      return await this.#exchange(request);
    } finally {
      this.#leave();
    }
  }

  /** Undefined where nobody has to wait. */
  #enter(): Promise<void> | undefined {
    if (this.#underWay < UNDER_WAY) {
      this.#underWay++;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whoever waits longest takes the place of who leaves. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#underWay--;
    else next();
  }

  async #exchange(request: RequestHead): Promise<Answer> {
    return await this.#perform<Answer>(request, (stream, resolve) => {
      const chunks: Buffer[] = [];
      let headers: IncomingHttpHeaders = {};
      stream.once("response", (received) => (headers = received));
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.once("end", () => {
        const [only] = chunks;
        const text = (chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)).toString();
        resolve({ status: Number(headers[":status"]), headers, text });
      });
    });
  }

  async #perform<T>(
    request: RequestHead,
    receive: (stream: ClientHttp2Stream, resolve: (value: T) => void) => void,
  ): Promise<T> {
    const session = await this.#connect();
    const { signal, timeoutMs } = request;
    signal?.throwIfAborted();
    const token = this.#bearer();
    return await new Promise<T>((resolve, reject) => {
      const stream = session.request(
        {
          [constants.HTTP2_HEADER_METHOD]: request.method,
          [constants.HTTP2_HEADER_PATH]: request.path,
          "user-agent": this.#config.userAgent ?? "knots",
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...request.headers,
        },
        { endStream: request.body === undefined },
      );
      const giveUp = (reason: Error): void => {
        stream.close(constants.NGHTTP2_CANCEL);
        reject(reason);
      };
      const abort = (): void => giveUp(signal?.reason as Error);
      signal?.addEventListener("abort", abort, { once: true });
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(
              () => giveUp(new Error(`no answer to ${request.method} ${request.path} within ${timeoutMs / 1000} s`)),
              timeoutMs,
            );
      receive(stream, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
      stream.once("close", () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        // Nothing where the answer came: the promise is settled then.
        reject(new Error(`the connection to the API server was lost${resetCode(stream)}`));
      });
      // After the answer errors are the reader's to see; one that comes before it listens must not end the process.
      stream.on("error", reject);
      if (request.body !== undefined) stream.end(request.body);
    });
  }

  #bearer(): string | undefined {
    const { token, tokenFile } = this.#config;
    if (tokenFile === undefined) return token;
    const modified = statSync(tokenFile).mtimeMs;
    if (this.#token?.modified !== modified) this.#token = { text: readFileSync(tokenFile, "utf8").trim(), modified };
    return this.#token.text;
  }

  async #connect(): Promise<ClientHttp2Session> {
    if (this.#closed) throw new Error("the client is closed");
    const session = this.#session;
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    this.#connecting ??= this.#open().finally(() => (this.#connecting = undefined));
    return await this.#connecting;
  }

  #open(): Promise<ClientHttp2Session> {
    const { server, caData, clientCertData, clientKeyData, insecureSkipTLSVerify } = this.#config;
    return new Promise((resolve, reject) => {
      const session = connect(server, {
        ...(caData === undefined ? {} : { ca: caData }),
        ...(clientCertData === undefined ? {} : { cert: clientCertData }),
        ...(clientKeyData === undefined ? {} : { key: clientKeyData }),
        rejectUnauthorized: insecureSkipTLSVerify !== true,
        ALPNProtocols: ["h2"],
        settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
      });
      const timer = setTimeout(
        () => session.destroy(new Error(`no connection to ${server} within ${CONNECT_TIMEOUT_MS / 1000} s`)),
        CONNECT_TIMEOUT_MS,
      );
      let ping: NodeJS.Timeout | undefined;
      session.once("connect", () => {
        clearTimeout(timer);
        this.#session = session;
        // Watches of a hundred informers share a connection, and the window of all its streams together is 64 kB at first.
        session.setMaxListeners(0);
        session.setLocalWindowSize(CONNECTION_WINDOW);
        ping = setInterval(() => this.#ping(session), PING_MS);
        ping.unref();
        resolve(session);
      });
      // After GOAWAY running streams may end; new ones take a new connection.
      session.on("goaway", () => this.#forget(session));
      session.on("error", (error) => {
        clearTimeout(timer);
        this.#logger.debug({ error: error.message }, "connection to the API server failed");
        reject(error);
      });
      session.once("close", () => {
        clearTimeout(timer);
        clearInterval(ping);
        this.#forget(session);
        reject(new Error(`the connection to ${server} was closed`));
      });
    });
  }

  #ping(session: ClientHttp2Session): void {
    if (session.closed || session.destroyed) return;
    const timer = setTimeout(() => session.destroy(new Error("the API server does not answer")), PING_TIMEOUT_MS);
    timer.unref();
    session.ping(() => clearTimeout(timer));
  }

  #forget(session: ClientHttp2Session): void {
    if (this.#session === session) this.#session = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const session = this.#session;
    if (session === undefined || session.destroyed) return;
    await new Promise<void>((resolve) => {
      session.once("close", () => resolve());
      session.destroy();
    });
  }
}

/** Why the other side ended the stream, where it said a reason. */
function resetCode({ rstCode }: ClientHttp2Stream): string {
  return rstCode === undefined || rstCode === constants.NGHTTP2_NO_ERROR ? "" : ` (stream reset with code ${rstCode})`;
}
