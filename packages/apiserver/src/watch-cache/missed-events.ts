import type { KeyValue, StoreEvent } from "@knots/store";
import type { Entry } from "./entry.ts";
import type { ResourceCache } from "./resource-cache.ts";

interface MissedRevision {
  readonly revision: number;
  readonly events: StoreEvent[];
}

/**
 * The changes that lead from what the caches hold to what was `found` in the store at `revision`, oldest first. Which
 * states lay between is lost; an object that was deleted and made again is told of as just that.
 */
export function missedEvents(
  caches: Iterable<ResourceCache>,
  found: ReadonlyMap<string, KeyValue>,
  revision: number,
): MissedRevision[] {
  const byRevision = new Map<number, StoreEvent[]>();
  const tell = (event: StoreEvent): void => {
    const events = byRevision.get(event.kv.modRevision);
    if (events === undefined) byRevision.set(event.kv.modRevision, [event]);
    else events.push(event);
  };
  const known = new Map<string, Entry>();
  for (const cache of caches) for (const entry of cache.scan(cache.prefix)) known.set(entry.key, entry);
  for (const [key, entry] of known) {
    const now = found.get(key);
    if (now === undefined) tell(deletion(key, revision));
    else if (now.createRevision > entry.revision) tell(deletion(key, now.createRevision - 1));
  }
  for (const [key, kv] of found) {
    if ((known.get(key)?.revision ?? 0) < kv.modRevision) tell({ type: "put", kv });
  }
  return Array.from(byRevision, ([at, events]) => ({ revision: at, events })).sort((a, b) => a.revision - b.revision);
}

function deletion(key: string, modRevision: number): StoreEvent {
  return { type: "delete", kv: { key, value: new Uint8Array(0), createRevision: 0, modRevision, version: 0 } };
}
