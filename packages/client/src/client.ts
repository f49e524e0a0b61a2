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
import { Transport, type Exchange, type RequestHead } from "./transport.ts";

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
  if (query === undefined) return path;
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
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

/** The error that a response other than 2xx stands for, of which only the headers were read. */
export async function responseError(exchange: Exchange): Promise<StatusError> {
  return errorOf({ status: exchange.status, text: await readBody(exchange) });
}

/** The error that an answer other than 2xx stands for. */
function errorOf({ status: code, text }: { readonly status: number; readonly text: string }): StatusError {
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === "Status")
      return StatusError.fromStatus({
        ...status,
        metadata: status.metadata ?? {},
        code: status.code ?? code,
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
    message: `the server answered ${code}: ${text.slice(0, 500)}`,
    code,
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
    const answer = await this.#transport.exchange(requestHead(method, path, options));
    if (answer.status < 200 || answer.status > 299) throw errorOf(answer);
    const { text } = answer;
    return text === "" ? undefined : (JSON.parse(text) as unknown);
  }

  /** A request whose answer the caller reads, whatever its status. */
  async rawRequest(method: string, path: string, options: RequestOptions = {}): Promise<Exchange> {
    return await this.#transport.send(requestHead(method, path, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]();
  }
}

function requestHead(method: string, path: string, options: RequestOptions): RequestHead {
  const { body: content, query, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const body =
    content === undefined || typeof content === "string" || content instanceof Uint8Array
      ? content
      : JSON.stringify(content);
  return {
    method,
    path: withQuery(path, query),
    headers: {
      accept: options.accept ?? "application/json",
      ...(body === undefined ? {} : { "content-type": options.contentType ?? "application/json" }),
    },
    ...(body === undefined ? {} : { body }),
    signal,
    ...(timeoutMs === Number.POSITIVE_INFINITY ? {} : { timeoutMs }),
  };
}
