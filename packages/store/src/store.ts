// etcd v3's semantics as an interface: one global revision, compare-and-swap transactions, watches from a revision. Values are bytes.

export interface KeyValue {
  key: string;
  value: Uint8Array;
  /** The revision that made the key. */
  createRevision: number;
  /** The revision of the last change. */
  modRevision: number;
  /** How often the key was written since it was made; 1 for a new one. */
  version: number;
}

export interface StoreEvent {
  type: "put" | "delete";
  /** On a deletion: the key, no value, and the deletion's revision. */
  kv: KeyValue;
  prev?: KeyValue;
}

export type Op = { op: "put"; key: string; value: Uint8Array; lease?: number } | { op: "delete"; key: string };

export interface Txn {
  /** All must hold; modRevision 0 says that the key must not exist. */
  compare: { key: string; modRevision: number }[];
  then: Op[];
}

export interface TxnResult {
  succeeded: boolean;
  revision: number;
  /** When it failed: the compared keys as they are. */
  kvs: (KeyValue | undefined)[];
}

export interface RangeOptions {
  /** Exclusive: the last key of the page before. */
  start?: string;
  limit?: number;
  revision?: number;
  countOnly?: boolean;
}

export interface RangeResult {
  kvs: KeyValue[];
  more: boolean;
  /** All keys of the prefix after `start`, the page's included. */
  count: number;
  revision: number;
}

export interface WatchOptions {
  /** The first revision to tell of. */
  startRevision: number;
  signal?: AbortSignal;
  /** Wants each event's `prev`; engines may leave it out otherwise. */
  previous?: boolean;
  /** Events of whole revisions, in order. */
  onEvents(batch: StoreEvent[], revision: number): void;
  onError(error: Error): void;
  onProgress?(revision: number): void;
}

/** A transaction that has been decided: later ones build on it, but it can still be lost until it is `durable`. */
export interface Submitted {
  readonly result: TxnResult;
  /** Resolves when the change is on the disk and watchers have been told; rejects like txn. */
  readonly durable: Promise<void>;
}

export interface Store extends AsyncDisposable {
  /** Other processes may write too: only `revision()` tells what they have been told was done. */
  readonly shared: boolean;
  /** Why the store cannot be used now, as far as is known. Quick. */
  health?(): string | undefined;
  /** The current revision, linearizable. */
  revision(): Promise<number>;
  get(key: string, options?: { revision?: number }): Promise<KeyValue | undefined>;
  /** Throws CompactedError or FutureRevisionError for a revision that cannot be read. */
  range(prefix: string, options?: RangeOptions): Promise<RangeResult>;
  /** Resolves when the change is durable. A StoreRequestError may leave open whether it was made. */
  txn(txn: Txn): Promise<TxnResult>;
  /** As txn, where the engine decides by itself: what was decided is known at once. */
  submit?(txn: Txn): Submitted;
  /**
   * The value that the key got at exactly this revision, where the engine has values at hand; undefined when compaction
   * has dropped it. Who holds many states need not keep their bytes then.
   */
  valueAt?(key: string, revision: number): Uint8Array | undefined;
  watch(prefix: string, options: WatchOptions): Disposable;
  compact(revision: number): Promise<void>;
  /** Keys put under the lease are deleted `ttlSeconds` after it was granted. */
  grantLease(ttlSeconds: number): Promise<number>;
  revokeLease(id: number): Promise<void>;
}

/** What was asked for lies before the compaction. */
export class CompactedError extends Error {
  override readonly name = "CompactedError";
  /** Undefined where the engine does not say. */
  readonly compactRevision: number | undefined;
  constructor(compactRevision: number | undefined) {
    const detail = compactRevision === undefined ? "" : ` (compact revision ${compactRevision})`;
    super(`required revision has been compacted${detail}`);
    this.compactRevision = compactRevision;
  }
}

export class FutureRevisionError extends Error {
  override readonly name = "FutureRevisionError";
  constructor(revision: number, current: number) {
    super(`required revision ${revision} is a future revision (current is ${current})`);
  }
}

/** The store could not be asked, or gave up. */
export class StoreRequestError extends Error {
  override readonly name = "StoreRequestError";
  /** A change may have been made although nobody confirmed it. */
  readonly ambiguous: boolean;
  constructor(message: string, ambiguous: boolean, options?: ErrorOptions) {
    super(message, options);
    this.ambiguous = ambiguous;
  }
}
