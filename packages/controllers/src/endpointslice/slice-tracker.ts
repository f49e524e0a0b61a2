import type { EndpointSlice } from "@knots/api/discovery/v1";
import type { Clock } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";

/** After so long a write that the cache has never shown is forgotten: the object is gone again. */
const PATIENCE = 30_000;

interface Write {
  readonly version: bigint;
  readonly at: number;
  readonly removed: boolean;
}

/** Knows, per owner, the own writes of slices that the cache has yet to show. */
export class SliceTracker {
  readonly #clock: Clock;
  readonly #writes = new Map<string, Map<string, Write>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  #note(owner: string, uid: string, write: Omit<Write, "at">): void {
    let writes = this.#writes.get(owner);
    if (writes === undefined) this.#writes.set(owner, (writes = new Map()));
    writes.set(uid, { ...write, at: this.#clock.now() });
  }

  written(owner: string, slice: EndpointSlice): void {
    this.#note(owner, metaOf(slice).uid, { version: BigInt(slice.metadata?.resourceVersion ?? 0), removed: false });
  }

  removed(owner: string, slice: EndpointSlice): void {
    this.#note(owner, metaOf(slice).uid, { version: 0n, removed: true });
  }

  /** The informer saw it go. True where that was no deed of ours. */
  gone(owner: string, slice: EndpointSlice): boolean {
    const writes = this.#writes.get(owner);
    const write = writes?.get(metaOf(slice).uid);
    writes?.delete(metaOf(slice).uid);
    return write?.removed !== true;
  }

  /** Whether the cache's slices of that owner are older than what was written. */
  isStale(owner: string, cached: readonly EndpointSlice[]): boolean {
    const writes = this.#writes.get(owner);
    if (writes === undefined) return false;
    const versions = new Map(cached.map((slice) => [metaOf(slice).uid, BigInt(slice.metadata?.resourceVersion ?? 0)]));
    let stale = false;
    for (const [uid, write] of writes) {
      const version = versions.get(uid);
      const shown = write.removed ? version === undefined : version !== undefined && version >= write.version;
      if (shown || this.#clock.now() - write.at > PATIENCE) writes.delete(uid);
      else stale = true;
    }
    if (writes.size === 0) this.#writes.delete(owner);
    return stale;
  }

  forget(owner: string): void {
    this.#writes.delete(owner);
  }

  /** Whether the informer shows a slice that was changed by somebody else. */
  isForeign(owner: string, slice: EndpointSlice): boolean {
    const write = this.#writes.get(owner)?.get(metaOf(slice).uid);
    return write === undefined || BigInt(slice.metadata?.resourceVersion ?? 0) > write.version;
  }
}
