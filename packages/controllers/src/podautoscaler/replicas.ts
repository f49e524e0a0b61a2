// How many replicas a figure asks for: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
import type { Pod } from "@knots/api/core/v1";
import { isReady } from "../framework/pod-state.ts";
import { groupPods, requestsOf } from "./pod-groups.ts";
import type { GroupOptions } from "./pod-groups.ts";
import type { PodMetrics } from "./metrics-client.ts";

export interface Tolerances {
  readonly scaleUp: number;
  readonly scaleDown: number;
}

export interface Situation {
  /** spec.replicas of the scale. */
  readonly current: number;
  readonly pods: readonly Pod[];
  readonly tolerances: Tolerances;
  readonly options: GroupOptions;
}

function isWithin(ratio: number, { scaleUp, scaleDown }: Tolerances): boolean {
  return 1 - scaleDown <= ratio && ratio <= 1 + scaleUp;
}

/** Usage in per cent of what is asked for, and its average a pod, over the pods that have both. */
function utilization(metrics: PodMetrics, requests: ReadonlyMap<string, number>): { percent: number; average: number } {
  let used = 0;
  let asked = 0;
  let entries = 0;
  for (const [pod, { value }] of metrics) {
    const request = requests.get(pod);
    if (request === undefined) continue;
    used += value;
    asked += request;
    entries++;
  }
  if (asked === 0) throw new Error("no metrics returned matched known pods");
  return { percent: Math.trunc((used * 100) / asked), average: Math.trunc(used / entries) };
}

function average(metrics: PodMetrics): number {
  let sum = 0;
  for (const { value } of metrics.values()) sum += value;
  return Math.trunc(sum / metrics.size);
}

interface Plan {
  ratioOf(metrics: PodMetrics): number;
  /** What a pod without a figure is taken to use when the others use too little. */
  fallback(pod: string): number;
}

/**
 * The rules for pods whose figures do not count: when scaling down those missing are taken to use all that is allowed, when
 * scaling up they and the unready ones are taken to use nothing; and where that turns the direction, nothing is changed.
 */
function replicasFor(plan: Plan, { current, pods, tolerances, options }: Situation, all: PodMetrics, resource: string) {
  if (pods.length === 0) throw new Error("no pods returned by selector while calculating replica count");
  const { metrics, ready, unready, missing } = groupPods(pods, all, resource, options);
  if (metrics.size === 0) throw new Error("did not receive metrics for targeted pods (pods might be unready)");
  const counted = new Map(metrics);
  const ratio = plan.ratioOf(metrics);
  const upWithUnready = unready.size > 0 && ratio > 1;
  if (!upWithUnready && missing.size === 0)
    return { replicas: isWithin(ratio, tolerances) ? current : Math.ceil(ratio * ready), counted };
  const assume = (pod: string, value: number): void => void metrics.set(pod, { value, timestamp: 0, window: 0 });
  for (const pod of missing) {
    if (ratio < 1) assume(pod, plan.fallback(pod));
    else if (ratio > 1) assume(pod, 0);
  }
  if (upWithUnready) for (const pod of unready) assume(pod, 0);
  const cautious = plan.ratioOf(metrics);
  const turned = (ratio < 1 && cautious > 1) || (ratio > 1 && cautious < 1);
  if (isWithin(cautious, tolerances) || turned) return { replicas: current, counted };
  const replicas = Math.ceil(cautious * metrics.size);
  const against = (cautious < 1 && replicas > current) || (cautious > 1 && replicas < current);
  return { replicas: against ? current : replicas, counted };
}

/** For a target in per cent of what pods ask for. */
export function forUtilization(
  situation: Situation,
  metrics: PodMetrics,
  { resource, container, target }: { resource: string; container?: string | undefined; target: number },
): { replicas: number; percent: number; average: number } {
  if (situation.pods.length === 0) throw new Error("no pods returned by selector while calculating replica count");
  const requests = requestsOf(situation.pods, resource, container);
  const plan: Plan = {
    ratioOf: (of) => utilization(of, requests).percent / target,
    fallback: (pod) => ((requests.get(pod) ?? 0) * Math.max(100, target)) / 100,
  };
  const { replicas, counted } = replicasFor(plan, situation, metrics, resource);
  return { replicas, ...utilization(counted, requests) };
}

/** For a target that each pod is to have on average, thousandths. */
export function forAverage(
  situation: Situation,
  metrics: PodMetrics,
  { resource, target }: { resource: string; target: number },
): { replicas: number; average: number } {
  const plan: Plan = { ratioOf: (of) => average(of) / target, fallback: () => target };
  const { replicas, counted } = replicasFor(plan, situation, metrics, resource);
  return { replicas, average: average(counted) };
}

/** For one figure with a target for the whole: in proportion to the pods that are ready. */
export function forValue({ current, pods, tolerances }: Situation, value: number, target: number): number {
  const ratio = value / target;
  if (current === 0) return Math.ceil(ratio);
  if (isWithin(ratio, tolerances)) return current;
  if (pods.length === 0)
    throw new Error("unable to calculate ready pods: no pods returned by selector while calculating replica count");
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isReady(pod)).length;
  return Math.ceil(ratio * ready);
}

/** For one figure that the pods share, with a target for each; `shared`: the scale's status.replicas. */
export function forValuePerPod(
  { tolerances }: Situation,
  shared: number,
  value: number,
  target: number,
): { replicas: number; average: number } {
  const within = shared !== 0 && isWithin(value / (target * shared), tolerances);
  const replicas = within ? shared : Math.ceil(value / target);
  return { replicas, average: shared === 0 ? value : Math.ceil(value / shared) };
}
