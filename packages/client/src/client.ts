// The typed REST client.
import {
  StatusError,
  type Clock,
  type KubeObject,
  type Logger,
  type ResourceType,
  type Status,
} from "@knots/machinery";
import type { RestConfig } from "./rest-config.ts";
import { ResourceClient } from "./resource-client.ts";
import { Transport, type Exchange } from "./transport.ts";

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/** A request that lasts longer than the server's own limit of a minute is lost. */
const DEFAULT_TIMEOUT_MS = 70_000;

export function withQuery(path: string, query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== "") parameters.set(key, String(value));
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** All of a body. Rejects when the stream breaks before its end. */
export async function readBody(exchange: Exchange): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of exchange.body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** The error that a response other than 2xx stands for. */
export async function responseError(exchange: Exchange): Promise<StatusError> {
  const text = await readBody(exchange);
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === "Status")
      return StatusError.fromStatus({
        ...status,
        metadata: status.metadata ?? {},
        code: status.code ?? exchange.status,
      });
  } catch {
    // Not a Status: a proxy's page or a plain word.
  }
  return StatusError.fromStatus({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    reason: "Unknown",
    message: `the server answered ${exchange.status}: ${text.slice(0, 500)}`,
    code: exchange.status,
  });
}

export class Client implements AsyncDisposable {
  readonly config: RestConfig;
  readonly #transport: Transport;

  constructor(config: RestConfig, options: { logger?: Logger; clock?: Clock } = {}) {
    this.config = config;
    this.#transport = new Transport(config, options.logger);
  }

  /** The objects of a resource; without a namespace all namespaces, or a cluster-scoped resource. */
  resource<T extends KubeObject>(type: ResourceType<T>, namespace?: string): ResourceClient<T> {
    return new ResourceClient<T>(this, type, namespace);
  }

  /** A request answered in JSON. Throws StatusError for an answer other than 2xx, Error when the connection fails. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    const exchange = await this.rawRequest(method, path, options);
    if (exchange.status < 200 || exchange.status > 299) throw await responseError(exchange);
    const text = await readBody(exchange);
    return text === "" ? undefined : (JSON.parse(text) as unknown);
  }

  /** A request whose answer the caller reads, whatever its status. */
  async rawRequest(method: string, path: string, options: RequestOptions = {}): Promise<Exchange> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timeout = timeoutMs === Number.POSITIVE_INFINITY ? undefined : AbortSignal.timeout(timeoutMs);
    const signals = [options.signal, timeout].filter((signal) => signal !== undefined);
    const body =
      options.body === undefined
        ? undefined
        : typeof options.body === "string" || options.body instanceof Uint8Array
          ? options.body
          : JSON.stringify(options.body);
    return await this.#transport.send({
      method,
      path: withQuery(path, options.query),
      headers: {
        accept: options.accept ?? "application/json",
        ...(body === undefined ? {} : { "content-type": options.contentType ?? "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
      signal: signals.length === 0 ? undefined : AbortSignal.any(signals),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]();
  }
}
