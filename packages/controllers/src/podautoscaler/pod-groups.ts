import type { Pod } from "@knots/api/core/v1";
import { podRequests, Quantity } from "@knots/machinery";
import { timeOf } from "../framework/objects.ts";
import { podCondition } from "../framework/pod-state.ts";
import type { PodMetric, PodMetrics } from "./metrics-client.ts";

export interface GroupOptions {
  readonly now: number;
  /** Ms after its start in which a pod's CPU usage may only be that of its start. */
  readonly cpuInitializationPeriod: number;
  /** Ms after its start in which a pod that became unready counts as never having been ready. */
  readonly initialReadinessDelay: number;
}

export interface PodGroups {
  /** Figures that count. */
  readonly metrics: Map<string, PodMetric>;
  readonly ready: number;
  /** Not ready, or their figures are of the time when they were not. */
  readonly unready: Set<string>;
  readonly missing: Set<string>;
}

/** Sorts pods by what their figures are worth. `resource` is the empty string for metrics that are no resource. Pure. */
export function groupPods(pods: readonly Pod[], all: PodMetrics, resource: string, options: GroupOptions): PodGroups {
  const groups: PodGroups = { metrics: new Map(all), ready: 0, unready: new Set(), missing: new Set() };
  let ready = 0;
  for (const pod of pods) {
    const name = pod.metadata?.name ?? "";
    const metric = all.get(name);
    if (pod.metadata?.deletionTimestamp !== undefined || pod.status?.phase === "Failed") groups.metrics.delete(name);
    else if (pod.status?.phase === "Pending") unready(groups, name);
    else if (metric === undefined) groups.missing.add(name);
    else if (resource === "cpu" && isCPUUnready(pod, metric, options)) unready(groups, name);
    else ready++;
  }
  return { ...groups, ready };
}

function unready({ metrics, unready: set }: PodGroups, name: string): void {
  set.add(name);
  metrics.delete(name);
}

function isCPUUnready(pod: Pod, { timestamp, window }: PodMetric, options: GroupOptions): boolean {
  const condition = podCondition(pod, "Ready");
  const started = timeOf(pod.status?.startTime);
  if (condition === undefined || started === undefined) return true;
  const since = timeOf(condition.lastTransitionTime) ?? 0;
  // While it may still be starting, a figure counts only when all of it is of the time since the pod became ready.
  if (started + options.cpuInitializationPeriod > options.now)
    return condition.status === "False" || timestamp < since + window;
  // Later, only a pod that has never been ready does not count.
  return condition.status === "False" && started + options.initialReadinessDelay > since;
}

/** What each pod asks for, thousandths: the named container's, else the whole pod's. Throws where one does not say. Pure. */
export function requestsOf(pods: readonly Pod[], resource: string, container?: string): Map<string, number> {
  const requests = new Map<string, number>();
  for (const pod of pods) {
    const { name = "", namespace = "" } = pod.metadata ?? {};
    const podLevel = container === undefined ? pod.spec?.resources?.requests?.[resource] : undefined;
    if (podLevel !== undefined) {
      requests.set(name, (podRequests(pod.spec)[resource] ?? Quantity.parse(podLevel)).milliValue());
      continue;
    }
    const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
    let sum = 0;
    for (const each of [...(pod.spec?.containers ?? []), ...sidecars]) {
      if (container !== undefined && each.name !== container) continue;
      const request = each.resources?.requests?.[resource];
      if (request === undefined)
        throw new Error(`missing request for ${resource} in container ${each.name} of Pod ${namespace}/${name}`);
      sum += Quantity.parse(request).milliValue();
    }
    requests.set(name, sum);
  }
  return requests;
}
