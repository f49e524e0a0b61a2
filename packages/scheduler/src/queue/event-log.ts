import type { ClusterEvent } from "../framework/events.ts";

export interface LoggedEvent {
  readonly event: ClusterEvent;
  readonly old: unknown;
  readonly current: unknown;
  /** Concerns the pod of this uid alone; undefined: all. */
  readonly uid?: string;
}

/**
 * What happened while pods were being placed. Kept once for all of them: each remembers where it began. With hundreds of
 * bindings under way a list for each would take every event hundreds of times.
 */
export class EventLog {
  #events: LoggedEvent[] = [];
  /** Position of the first event that is kept. */
  #first = 0;
  /** Where each pod under way began, in the order of their beginning. */
  readonly #began = new Map<string, number>();

  begin(uid: string): void {
    this.#began.delete(uid);
    this.#began.set(uid, this.#first + this.#events.length);
  }

  has(uid: string): boolean {
    return this.#began.has(uid);
  }

  add(event: LoggedEvent): void {
    if (this.#began.size > 0) this.#events.push(event);
  }

  /** Ends the pod's time under way; gives what happened in it. */
  end(uid: string): LoggedEvent[] {
    const began = this.#began.get(uid);
    if (began === undefined) return [];
    const events = this.#events.slice(began - this.#first).filter((each) => each.uid === undefined || each.uid === uid);
    this.drop(uid);
    return events;
  }

  /** Like `end`, for a pod that needs no more: nobody asks what happened. */
  drop(uid: string): void {
    if (!this.#began.delete(uid)) return;
    const oldest = this.#began.values().next().value ?? this.#first + this.#events.length;
    // What everybody has behind him goes, now and then: cutting an array costs what is left of it.
    if (this.#began.size > 0 && oldest - this.#first < this.#events.length / 2) return;
    this.#events = this.#events.slice(oldest - this.#first);
    this.#first = oldest;
  }

  /** How many events are kept. */
  get size(): number {
    return this.#events.length;
  }
}
