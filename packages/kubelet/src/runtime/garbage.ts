/** What may be removed from the runtime: the decision, without effects. */
import type { PodRuntimeStatus } from "./types.ts";

export interface Garbage {
  readonly containers: { readonly id: string; readonly logPath: string }[];
  readonly sandboxes: string[];
}

/**
 * `keeps(uid)`: the pod is still there; of each of its containers the newest dead one stays (for its logs and its status), and its
 * newest sandbox. Of other pods nothing dead stays.
 */
export function findGarbage(
  pods: Iterable<PodRuntimeStatus>,
  keeps: (uid: string) => boolean,
  deadToKeep = 1,
): Garbage {
  const garbage: Garbage = { containers: [], sandboxes: [] };
  for (const pod of pods) {
    const kept = keeps(pod.uid);
    const seen = new Map<string, number>();
    const staying = new Set<string>();
    for (const container of pod.containers) {
      const running = container.state === "running" || container.state === "created";
      const dead = seen.get(container.name) ?? 0;
      // The newest incarnation always stays: it is what the status shows.
      const newest = pod.containers.find((candidate) => candidate.name === container.name) === container;
      if (running || (kept && (newest || dead < deadToKeep))) {
        if (!running && !newest) seen.set(container.name, dead + 1);
        staying.add(container.sandboxID);
      } else {
        garbage.containers.push({ id: container.id, logPath: container.logPath });
      }
    }
    for (const [index, sandbox] of pod.sandboxes.entries()) {
      if (sandbox.ready || staying.has(sandbox.id) || (kept && index === 0)) continue;
      garbage.sandboxes.push(sandbox.id);
    }
  }
  return garbage;
}
