// Several members, one of them in use: calls move on to the next when it cannot answer, as far as repeating them is safe.
import {
  Client,
  credentials,
  Metadata,
  type ChannelCredentials,
  type ClientDuplexStream,
  type MethodDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Clock } from "@knots/machinery";
import { StoreRequestError } from "../store.ts";
import { isUnavailable, isWithoutEffect, storeError } from "./errors.ts";

export interface EtcdTls {
  /** PEM texts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** How long one call may take, its repetitions included; etcd gives a proposal up after seven seconds. */
const CALL_TIMEOUT_MS = 10_000;
const ROUND_PAUSE_MS = 50;
/** Members that lost their leader say so at once instead of answering late. */
const REQUIRE_LEADER = new Metadata();
REQUIRE_LEADER.set("hasleader", "true");

const CHANNEL = {
  // Ranges and watches grow with the cluster; etcd bounds what a client writes.
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
  // Upstream's figures: a member that vanished without a word is found out.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.enable_http_proxy": 0,
  "grpc.service_config_disable_resolution": 1,
};

type Unary<Q, R> = Pick<MethodDefinition<Q, R>, "path" | "requestSerialize" | "responseDeserialize">;

export class Connection implements Disposable {
  readonly #clients: readonly Client[];
  readonly #clock: Clock;
  #current = 0;
  #closed = false;

  /** `endpoints` as upstream's --etcd-servers: URLs, or host:port. */
  constructor(endpoints: readonly string[], tls: EtcdTls | undefined, clock: Clock) {
    if (endpoints.length === 0) throw new Error("no etcd server was named");
    this.#clients = endpoints.map((endpoint) => {
      const { address, secure } = parseEndpoint(endpoint, tls !== undefined);
      return new Client(address, secure ? tlsCredentials(tls ?? {}) : credentials.createInsecure(), CHANNEL);
    });
    this.#clock = clock;
  }

  /**
   * Calls until a member answers or the time is over. A `write` is repeated only while it certainly had no effect:
   * otherwise its outcome is unknown, and the error says so.
   */
  async call<Q, R>(
    method: Unary<Q, R>,
    request: Q,
    kind: "read" | "write",
    timeoutMs: number = CALL_TIMEOUT_MS,
  ): Promise<R> {
    const deadline = Date.now() + timeoutMs;
    for (let tries = 1; ; tries++) {
      const used = this.#current;
      try {
        return await this.#once(used, method, request, deadline);
      } catch (cause) {
        const error = cause as ServiceError;
        if (isUnavailable(error)) this.leave(used);
        const again = isUnavailable(error) && (kind === "read" || isWithoutEffect(error));
        if (!again || this.#closed || Date.now() + ROUND_PAUSE_MS >= deadline) throw error;
        if (tries % this.#clients.length === 0) await this.#clock.sleep(ROUND_PAUSE_MS);
      }
    }
  }

  /** A stream to the member in use; `leave` with its number when it broke. */
  stream<Q, R>(method: Unary<Q, R>): { stream: ClientDuplexStream<Q, R>; member: number } {
    const member = this.#current;
    const client = this.#client(member);
    const { path, requestSerialize, responseDeserialize } = method;
    return {
      stream: client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, REQUIRE_LEADER),
      member,
    };
  }

  /** Uses the next member from now on, unless somebody has moved on already. */
  leave(member: number): void {
    if (this.#current === member) this.#current = (member + 1) % this.#clients.length;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const client of this.#clients) client.close();
  }

  #client(member: number): Client {
    const client = this.#clients[member];
    if (client === undefined || this.#closed) throw new StoreRequestError("the store is closed", false);
    return client;
  }

  #once<Q, R>(member: number, method: Unary<Q, R>, request: Q, deadline: number): Promise<R> {
    const client = this.#client(member);
    return new Promise((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = method;
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        REQUIRE_LEADER,
        { deadline },
        (error, response) => {
          if (error !== null) reject(error);
          else if (response === undefined) reject(new Error(`etcd answered ${path} with nothing`));
          else resolve(response);
        },
      );
    });
  }
}

/** A call's error as the store's; what is not gRPC's passes. */
export function asStoreError(error: unknown): Error {
  if (error instanceof Error && "details" in error && "code" in error) return storeError(error as ServiceError);
  return error instanceof Error ? error : new Error(String(error));
}

/** Throws a sentence on what is no endpoint. */
export function parseEndpoint(endpoint: string, tlsGiven: boolean): { address: string; secure: boolean } {
  const match = /^(?:(https?|unixs?):\/\/)?([^/]+|\/.+?)\/?$/.exec(endpoint);
  const [, scheme, rest] = match ?? [];
  if (rest === undefined)
    throw new Error(`not an etcd server: ${JSON.stringify(endpoint)} (https://HOST:PORT is meant)`);
  if (scheme === "unix" || scheme === "unixs") return { address: `unix:${rest}`, secure: scheme === "unixs" };
  if (!/:\d+$/.test(rest)) throw new Error(`the etcd server ${JSON.stringify(endpoint)} lacks a port`);
  return { address: rest, secure: scheme === undefined ? tlsGiven : scheme === "https" };
}

function tlsCredentials({ ca, cert, key }: EtcdTls): ChannelCredentials {
  const buffer = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  return credentials.createSsl(buffer(ca), buffer(key), buffer(cert));
}
