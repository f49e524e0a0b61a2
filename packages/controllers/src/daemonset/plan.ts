import type { DaemonSet } from "@knots/api/apps/v1";
import type { Node, Pod } from "@knots/api/core/v1";
import { CONTROLLER_REVISION_HASH } from "../framework/history.ts";
import { byAge } from "../framework/objects.ts";
import { isAvailable, isReady, isTerminal } from "../framework/pod-state.ts";
import { scaledValue } from "../framework/int-or-percent.ts";
import { placementOn } from "./placement.ts";
import { targetNode } from "./template.ts";

export interface DaemonPlan {
  /** Names of nodes that are to get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
  /** Pods that ended by themselves, among `remove` unless they are held back. */
  readonly failed: readonly Pod[];
  readonly succeeded: readonly Pod[];
}

/** Pods by the node they run on, or wait for; a deleted pod that has ended is gone already. */
export function podsByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const map = new Map<string, Pod[]>();
  for (const pod of pods) {
    if (pod.metadata?.deletionTimestamp !== undefined && isTerminal(pod)) continue;
    const node = targetNode(pod);
    const list = map.get(node);
    if (list === undefined) map.set(node, [pod]);
    else list.push(pod);
  }
  return map;
}

export function isUpdated(pod: Pod, hash: string): boolean {
  return pod.metadata?.labels?.[CONTROLLER_REVISION_HASH] === hash;
}

/**
 * Brings one daemon onto every node it belongs on, and off every other. Pure.
 * @param inBackoff whether a failed pod of that node is to be left alone for now
 */
export function planNodes(
  daemonSet: DaemonSet,
  nodes: readonly Node[],
  byNode: ReadonlyMap<string, readonly Pod[]>,
  hash: string,
  now: number,
  inBackoff: (node: string) => boolean,
): DaemonPlan {
  const create: string[] = [];
  const remove: Pod[] = [];
  const failed: Pod[] = [];
  const succeeded: Pod[] = [];
  for (const node of nodes) {
    const name = node.metadata?.name ?? "";
    const pods = byNode.get(name) ?? [];
    const { shouldRun, shouldContinue } = placementOn(daemonSet, node);
    if (shouldRun && pods.length === 0) {
      create.push(name);
      continue;
    }
    const alive = pods.filter((pod) => pod.metadata?.deletionTimestamp === undefined);
    if (!shouldContinue) {
      remove.push(...alive);
      continue;
    }
    const running = alive.filter((pod) => !isTerminal(pod));
    const ended = alive.filter(isTerminal);
    succeeded.push(...ended.filter((pod) => pod.status?.phase === "Succeeded"));
    remove.push(...ended.filter((pod) => pod.status?.phase === "Succeeded"));
    const broken = ended.filter((pod) => pod.status?.phase === "Failed");
    if (broken.length > 0 && !inBackoff(name)) {
      failed.push(...broken);
      remove.push(...broken);
    }
    remove.push(...surplusOf(daemonSet, running, hash, now));
  }
  return { create, remove: [...remove, ...waitingForNone(nodes, byNode)], failed, succeeded };
}

/** Pods that wait for a node that is gone: nobody else ends them. */
function waitingForNone(nodes: readonly Node[], byNode: ReadonlyMap<string, readonly Pod[]>): Pod[] {
  const names = new Set(nodes.map(({ metadata }) => metadata?.name ?? ""));
  return [...byNode].flatMap(([node, pods]) =>
    node === "" || names.has(node)
      ? []
      : pods.filter(({ spec, metadata }) => !spec?.nodeName && metadata?.deletionTimestamp === undefined),
  );
}

/** With maxSurge two pods may share a node while the new one becomes available; else the oldest stays alone. */
function surplusOf(daemonSet: DaemonSet, running: readonly Pod[], hash: string, now: number): Pod[] {
  if (running.length <= 1) return [];
  const sorted = running.toSorted((a, b) => Number(isPending(a)) - Number(isPending(b)) || byAge(a, b));
  if (!allowsSurge(daemonSet)) return sorted.slice(1);
  const newest = sorted.find((pod) => isUpdated(pod, hash));
  const oldest = sorted.find((pod) => !isUpdated(pod, hash));
  const surplus = sorted.filter((pod) => pod !== newest && pod !== oldest);
  if (newest === undefined || oldest === undefined) return surplus;
  const done = !isReady(oldest) || isAvailable(newest, daemonSet.spec?.minReadySeconds ?? 0, now);
  return done ? [...surplus, oldest] : surplus;
}

function isPending(pod: Pod): boolean {
  return pod.status?.phase === "Pending";
}

function allowsSurge(daemonSet: DaemonSet): boolean {
  return rollingLimits(daemonSet, 1).maxSurge > 0;
}

export function rollingLimits(daemonSet: DaemonSet, desired: number): { maxSurge: number; maxUnavailable: number } {
  const rolling = daemonSet.spec?.updateStrategy?.rollingUpdate;
  const maxSurge = scaledValue(rolling?.maxSurge ?? 0, desired, "up");
  const maxUnavailable = scaledValue(rolling?.maxUnavailable ?? 1, desired, "up");
  return maxSurge === 0 && maxUnavailable === 0 ? { maxSurge, maxUnavailable: 1 } : { maxSurge, maxUnavailable };
}

/** The next step of a rolling update to the template of `hash`. Pure. */
export function planRollingUpdate(
  daemonSet: DaemonSet,
  nodes: readonly Node[],
  byNode: ReadonlyMap<string, readonly Pod[]>,
  hash: string,
  now: number,
): Pick<DaemonPlan, "create" | "remove"> {
  const wanted = nodes.filter((node) => placementOn(daemonSet, node).shouldRun);
  const { maxSurge, maxUnavailable } = rollingLimits(daemonSet, wanted.length);
  const available = (pod: Pod): boolean => isAvailable(pod, daemonSet.spec?.minReadySeconds ?? 0, now);
  const names = new Set([...byNode.keys(), ...wanted.map((node) => node.metadata?.name ?? "")]);
  const candidates: { node: string; old: Pod }[] = [];
  const replaceable: { node: string; old: Pod }[] = [];
  const remove: Pod[] = [];
  let busy = 0; // nodes without an available daemon, or (with a surge) with one too many
  for (const node of names) {
    const pods = (byNode.get(node) ?? []).filter((pod) => pod.metadata?.deletionTimestamp === undefined);
    const updated = pods.filter((pod) => isUpdated(pod, hash));
    const outdated = pods.filter((pod) => !isUpdated(pod, hash));
    const [fresh] = updated;
    const [old] = outdated;
    if (updated.length > 1 || outdated.length > 1) busy++;
    else if (maxSurge === 0) {
      if (old === undefined || fresh !== undefined) {
        if (fresh === undefined || old !== undefined || !available(fresh)) busy++;
      } else if (available(old)) candidates.push({ node, old });
      else {
        // It is missing as it is: replacing it takes nothing away, but its node counts.
        replaceable.push({ node, old });
        busy++;
      }
    } else if (old !== undefined && fresh === undefined) {
      (available(old) ? candidates : replaceable).push({ node, old });
    } else if (old !== undefined && fresh !== undefined) {
      if (available(fresh)) remove.push(old);
      else busy++;
    }
  }
  const budget = Math.max(0, (maxSurge === 0 ? maxUnavailable : maxSurge) - busy);
  const chosen = [...replaceable, ...candidates.slice(0, budget)];
  if (maxSurge === 0) return { create: [], remove: chosen.map(({ old }) => old) };
  return { create: chosen.map(({ node }) => node), remove };
}
