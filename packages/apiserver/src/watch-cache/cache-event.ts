import type { Entry, ReadStored } from "./entry.ts";

/** One change of one object, as kept in the history and handed to watchers. */
export class CacheEvent {
  readonly revision: number;
  readonly key: string;
  /** State after the change; on deletion the last state with the deletion's revision. */
  readonly entry: Entry;
  readonly previous: Entry | undefined;
  readonly deleted: boolean;
  #frames: Map<string, Uint8Array> | undefined;
  #news = true;

  constructor(revision: number, entry: Entry, previous: Entry | undefined, deleted: boolean) {
    this.revision = revision;
    this.key = entry.key;
    this.entry = entry;
    this.previous = previous;
    this.deleted = deleted;
  }

  /** The encoded watch frame of a form, while the change is news made once for all its watchers. */
  frame(form: string, make: () => Uint8Array): Uint8Array {
    const known = this.#frames?.get(form);
    if (known !== undefined) return known;
    const frame = make();
    if (!this.#news) return frame;
    this.#frames ??= new Map();
    this.#frames.set(form, frame);
    return frame;
  }

  /**
   * Gives up what is only of use while the change is news: frames, and (where `read` finds them again) the bytes of the
   * state that it ended; where objects are seldom read, also of the one that it began. A watch that begins before it is
   * served all the same, more slowly.
   */
  cool(read: ReadStored | undefined, seldomRead: boolean): void {
    this.#news = false;
    this.#frames = undefined;
    if (read === undefined) return;
    this.previous?.release(read);
    if (this.deleted && this.previous !== undefined) this.entry.releaseTo(this.previous);
    else if (seldomRead) this.entry.release(read);
  }
}
