import type { Node, Pod } from "@knots/api/core/v1";
import { byAge } from "../framework/objects.ts";
import { isTerminal } from "../framework/pod-state.ts";
import { nodeCondition } from "../nodelifecycle/health.ts";

const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

/** The oldest of the pods that have ended, as many as there are above `threshold`; 0 or less keeps all. Pure. */
export function overThreshold(all: readonly Pod[], threshold: number): Pod[] {
  if (threshold <= 0) return [];
  const ended = all.filter(isTerminal);
  if (ended.length <= threshold) return [];
  return ended.toSorted(byAge).slice(0, ended.length - threshold);
}

/** Pods under deletion that no node has: no kubelet will ever end their deletion. Pure. */
export function unscheduledTerminating(all: readonly Pod[]): Pod[] {
  return all.filter((pod) => pod.metadata?.deletionTimestamp !== undefined && !pod.spec?.nodeName);
}

/** Pods under deletion on nodes that somebody declared out of service and that are not ready. Pure. */
export function onNodesOutOfService(all: readonly Pod[], node: (name: string) => Node | undefined): Pod[] {
  return all.filter((pod) => {
    if (pod.metadata?.deletionTimestamp === undefined || !pod.spec?.nodeName) return false;
    const where = node(pod.spec.nodeName);
    if (where === undefined || nodeCondition(where, "Ready")?.status === "True") return false;
    return where.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE) ?? false;
  });
}

/** How long a node must be missing before its pods are orphans, ms: caches of pods and nodes are of different times. */
export const QUARANTINE = 40_000;

/** Remembers since when the nodes that pods name are missing. */
export class MissingNodes {
  readonly #since = new Map<string, number>();

  /** The nodes that were missing through the whole quarantine. `now` in ms. */
  observe(named: Iterable<string>, exists: (name: string) => boolean, now: number): string[] {
    const missing = new Set<string>();
    for (const name of named) if (!exists(name)) missing.add(name);
    for (const name of this.#since.keys()) if (!missing.has(name)) this.#since.delete(name);
    const lasting: string[] = [];
    for (const name of missing) {
      const since = this.#since.get(name);
      if (since === undefined) this.#since.set(name, now);
      else if (now - since >= QUARANTINE) lasting.push(name);
    }
    return lasting;
  }
}
