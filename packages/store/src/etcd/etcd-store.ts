// The engine for more than one API server: a real etcd v3 cluster over gRPC.
import { randomBytes } from "node:crypto";
import type { ServiceError } from "@grpc/grpc-js";
import { nullLogger, RealClock, type Clock, type Logger, type Timer } from "@knots/machinery";
import * as pb from "../generated/etcd.ts";
import {
  FutureRevisionError,
  type KeyValue,
  type Op,
  type RangeOptions,
  type RangeResult,
  type Store,
  type Txn,
  type TxnResult,
  type WatchOptions,
} from "../store.ts";
import { asStoreError, Connection, type EtcdTls } from "./connection.ts";
import { isFutureRevision } from "./errors.ts";
import { KeySpace } from "./key-space.ts";
import { ReadBarrier } from "./read-barrier.ts";
import { decodeKeyValue, EtcdWatch } from "./watch.ts";

export interface EtcdOptions {
  /** Upstream's --etcd-servers. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  /** Keys that begin with `own` are kept under `stored` (upstream's --etcd-prefix). */
  readonly prefix?: { readonly own: string; readonly stored: string };
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** How long the first answer may take; upstream's server gives its storage twenty seconds. */
  readonly startTimeoutMs?: number;
}

const START_TIMEOUT_MS = 20_000;
/** How often, and for how long, the cluster is asked whether it is well (upstream: --etcd-healthcheck-timeout). */
const HEALTH_INTERVAL_MS = 5_000;
const HEALTH_TIMEOUT_MS = 2_000;
const PROBE_KEY = Buffer.from("health");

/** Connects; throws a sentence when no member answers in time. */
export async function openEtcdStore(options: EtcdOptions): Promise<Store> {
  const store = new EtcdStore(options);
  try {
    await store.connect(options.startTimeoutMs ?? START_TIMEOUT_MS);
  } catch (error) {
    await store[Symbol.asyncDispose]();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`no etcd server answers at ${options.endpoints.join(", ")}: ${reason}`, { cause: error });
  }
  return store;
}

class EtcdStore implements Store {
  readonly shared = true;
  readonly #connection: Connection;
  readonly #keys: KeySpace;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #barrier: ReadBarrier;
  readonly #watches = new Set<EtcdWatch>();
  #probe: Timer | undefined;
  #unwell: string | undefined;

  constructor(options: EtcdOptions) {
    this.#clock = options.clock ?? new RealClock();
    this.#logger = options.logger ?? nullLogger;
    this.#connection = new Connection(options.endpoints, options.tls, this.#clock);
    this.#keys = new KeySpace(options.prefix?.own, options.prefix?.stored);
    // Not serializable: the member confirms with the others that it is up to date before it answers.
    this.#barrier = new ReadBarrier(() => this.#askRevision());
  }

  async connect(timeoutMs: number): Promise<void> {
    const { version } = await this.#call(pb.MaintenanceService.status, {}, "read", timeoutMs);
    const revision = await this.#askRevision(timeoutMs);
    this.#logger.info({ etcd: version, revision }, "connected to etcd");
    this.#probe = this.#clock.setInterval(() => void this.#checkHealth(), HEALTH_INTERVAL_MS);
  }

  /** Why the cluster does not answer, as of the last check. */
  health(): string | undefined {
    return this.#unwell;
  }

  revision(): Promise<number> {
    return this.#barrier.revision();
  }

  async get(key: string, options: { revision?: number } = {}): Promise<KeyValue | undefined> {
    const revision = options.revision ?? 0;
    const response = await this.#range({ key: this.#keys.encode(key), revision });
    return this.#decode(response.kvs)[0];
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    const { limit = 0, revision = 0, countOnly = false } = options;
    const response = await this.#range({ ...this.#keys.range(prefix, options.start), limit, revision, countOnly });
    return {
      kvs: this.#decode(response.kvs),
      more: response.more,
      count: response.count,
      revision: revisionOf(response),
    };
  }

  async txn(txn: Txn): Promise<TxnResult> {
    const response = await this.#call(
      pb.KVService.txn,
      {
        compare: txn.compare.map(({ key, modRevision }): pb.Compare => ({
          result: pb.Compare_CompareResult.EQUAL,
          target: pb.Compare_CompareTarget.MOD,
          key: this.#keys.encode(key),
          targetUnion: { $case: "modRevision", value: modRevision },
        })),
        success: txn.then.map((op) => this.#encode(op)),
        failure: txn.compare.map(({ key }): pb.RequestOp => ({
          request: { $case: "requestRange", value: pb.RangeRequest.create({ key: this.#keys.encode(key) }) },
        })),
      },
      "write",
    );
    const { succeeded } = response;
    const kvs = succeeded
      ? []
      : response.responses.map(({ response: answer }) =>
          answer?.$case === "responseRange" ? this.#decode(answer.value.kvs)[0] : undefined,
        );
    return { succeeded, revision: revisionOf(response), kvs };
  }

  watch(prefix: string, options: WatchOptions): Disposable {
    const watch = new EtcdWatch(prefix, options, {
      connection: this.#connection,
      keys: this.#keys,
      clock: this.#clock,
      logger: this.#logger,
    });
    this.#watches.add(watch);
    return {
      [Symbol.dispose]: () => {
        watch[Symbol.dispose]();
        this.#watches.delete(watch);
      },
    };
  }

  async compact(revision: number): Promise<void> {
    await this.#call(pb.KVService.compact, { revision }, "write", undefined, revision);
  }

  async grantLease(ttlSeconds: number): Promise<number> {
    // The store chooses the id: etcd's own choice would not fit into a number.
    const ID = randomBytes(6).readUIntBE(0, 6) + 1;
    const response = await this.#call(pb.LeaseService.leaseGrant, { TTL: ttlSeconds, ID }, "write");
    if (response.error !== "") throw new Error(response.error);
    return response.ID;
  }

  async revokeLease(id: number): Promise<void> {
    await this.#call(pb.LeaseService.leaseRevoke, { ID: id }, "write");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#probe?.cancel();
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#connection[Symbol.dispose]();
    await Promise.resolve();
  }

  async #askRevision(timeoutMs?: number): Promise<number> {
    const request = pb.RangeRequest.create({ key: PROBE_KEY, countOnly: true });
    return revisionOf(await this.#call(pb.KVService.range, request, "read", timeoutMs));
  }

  async #checkHealth(): Promise<void> {
    try {
      await this.#askRevision(HEALTH_TIMEOUT_MS);
      this.#unwell = undefined;
    } catch (error) {
      this.#unwell = error instanceof Error ? error.message : String(error);
    }
  }

  #range(request: Partial<pb.RangeRequest>): Promise<pb.RangeResponse> {
    return this.#call(pb.KVService.range, pb.RangeRequest.create(request), "read", undefined, request.revision);
  }

  #encode(op: Op): pb.RequestOp {
    const key = this.#keys.encode(op.key);
    if (op.op === "delete") return { request: { $case: "requestDeleteRange", value: { key } } };
    return {
      request: { $case: "requestPut", value: { key, value: Buffer.from(op.value), lease: op.lease ?? 0 } },
    };
  }

  #decode(kvs: readonly pb.KeyValue[]): KeyValue[] {
    return kvs.flatMap((kv) => decodeKeyValue(kv, this.#keys) ?? []);
  }

  /** `revision` is the one asked for, to name it in an error. */
  async #call<Q, R>(
    method: Parameters<typeof Connection.prototype.call<Q, R>>[0],
    request: Q,
    kind: "read" | "write",
    timeoutMs?: number,
    revision?: number,
  ): Promise<R> {
    try {
      return await this.#connection.call(method, request, kind, timeoutMs);
    } catch (error) {
      if (revision !== undefined && isFutureRevision(error as ServiceError)) {
        throw new FutureRevisionError(revision, await this.revision());
      }
      throw asStoreError(error);
    }
  }
}

function revisionOf(response: { header: pb.ResponseHeader | undefined }): number {
  if (response.header === undefined) throw new Error("etcd answered without a header");
  return response.header.revision;
}
