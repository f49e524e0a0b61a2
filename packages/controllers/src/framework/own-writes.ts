import type { KubeObject } from "@knots/machinery";

const MOST_REMEMBERED = 4096;

/**
 * Knows which cached objects are older than our own last write of them. Deciding on such a copy would only end in a
 * conflict; the event of that write is on its way and brings the key back to the queue. Resource versions of one kind are
 * comparable numbers.
 */
export class OwnWrites {
  readonly #versions = new Map<string, bigint>();

  /** Remembers what the server answered to a write, and returns it. */
  note<T extends KubeObject>(written: T): T {
    const uid = written.metadata?.uid;
    const version = versionOf(written);
    if (uid === undefined || version === undefined) return written;
    this.#versions.delete(uid);
    this.#versions.set(uid, version);
    if (this.#versions.size > MOST_REMEMBERED) {
      // Objects that were deleted before the cache caught up with our write; the oldest is surely one of them.
      for (const oldest of this.#versions.keys()) {
        this.#versions.delete(oldest);
        break;
      }
    }
    return written;
  }

  /** Whether the cache has yet to see our last write of this object. */
  isStale(cached: KubeObject): boolean {
    const uid = cached.metadata?.uid ?? "";
    const written = this.#versions.get(uid);
    const version = versionOf(cached);
    if (written === undefined || version === undefined) return false;
    if (version < written) return true;
    this.#versions.delete(uid);
    return false;
  }
}

function versionOf(object: KubeObject): bigint | undefined {
  const text = object.metadata?.resourceVersion;
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : undefined;
}
