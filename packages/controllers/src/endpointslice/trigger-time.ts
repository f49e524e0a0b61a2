import type { Pod, Service } from "@knots/api/core/v1";
import { keyOf, timeOf } from "../framework/objects.ts";
import { podCondition } from "../framework/pod-state.ts";

interface Seen {
  readonly service: number | undefined;
  readonly pods: ReadonlyMap<string, number>;
}

/** Remembers, per Service, when its pods last changed their readiness, to tell when a change began that is about to be shown. */
export class TriggerTimes {
  readonly #seen = new Map<string, Seen>();

  /** Ms of the first change since the last call; undefined where none can be told. */
  next(service: Service, pods: readonly Pod[]): number | undefined {
    const key = keyOf(service);
    const previous = this.#seen.get(key);
    const current = new Map<string, number>();
    let least: number | undefined;
    for (const pod of pods) {
      const time = timeOf(podCondition(pod, "Ready")?.lastTransitionTime);
      if (time === undefined) continue;
      current.set(keyOf(pod), time);
      const before = previous?.pods.get(keyOf(pod));
      const began = before === undefined || time > before ? time : undefined;
      if (began !== undefined) least = Math.min(least ?? Infinity, began);
    }
    const created = timeOf(service.metadata?.creationTimestamp);
    if (previous === undefined && created !== undefined) {
      // Pods that were ready before the Service was made are shown because it was made.
      least = Math.max(least ?? created, created);
    }
    this.#seen.set(key, { service: created, pods: current });
    return least;
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }
}

/** RFC 3339, as upstream writes it. */
export function formatTriggerTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.000Z$/, "Z");
}
