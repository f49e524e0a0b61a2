import type { CacheEvent } from "./cache-event.ts";
import type { CacheSubscriber, ResourceCache } from "./resource-cache.ts";
import type { Entry } from "./entry.ts";

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED";

/** Where a watcher's events go. */
export interface WatchSink {
  /** `entry` is the state to show, `event` the change it comes from (absent for initial states), for sharing frames. */
  send(type: WatchEventType, entry: Entry, event: CacheEvent | undefined): void;
}

/** What a watcher wants to see of a resource. */
export interface WatchFilter {
  readonly trigger: string;
  matches(entry: Entry): boolean;
}

/**
 * Turns the changes of a resource into what one watcher sees: an object that enters its selection is ADDED, one that
 * leaves it DELETED. Subscribing and replaying happen in one turn, so nothing is lost or seen twice.
 */
export class Watcher implements CacheSubscriber {
  readonly #filter: WatchFilter;
  readonly #sink: WatchSink;
  #subscription: Disposable | undefined;
  #last: number;

  /** Sees changes after `revision`. */
  constructor(cache: ResourceCache, filter: WatchFilter, sink: WatchSink, revision: number) {
    this.#filter = filter;
    this.#sink = sink;
    this.#last = revision;
    for (const event of cache.eventsSince(revision)) this.onEvent(event);
    this.#subscription = cache.subscribe(filter.trigger, this);
  }

  onEvent(event: CacheEvent): void {
    // Two triggers of one event may lead here; revisions only grow.
    if (event.revision <= this.#last) return;
    if (report(event, this.#filter, this.#sink)) this.#last = event.revision;
  }

  [Symbol.dispose](): void {
    this.#subscription?.[Symbol.dispose]();
    this.#subscription = undefined;
  }
}

/** Tells `sink` what a change means to who sees what `filter` matches; false when it means nothing. */
export function report(event: CacheEvent, filter: Pick<WatchFilter, "matches">, sink: WatchSink): boolean {
  const before = event.previous !== undefined && filter.matches(event.previous);
  const after = !event.deleted && filter.matches(event.entry);
  if (!before && !after) return false;
  if (after) sink.send(before ? "MODIFIED" : "ADDED", event.entry, event);
  else sink.send("DELETED", event.deleted ? event.entry : departed(event), event);
  return true;
}

/** The last state that was selected, bearing the revision at which the object left the selection. */
function departed(event: CacheEvent): Entry {
  return (event.previous ?? event.entry).deletedAt(event.revision);
}
