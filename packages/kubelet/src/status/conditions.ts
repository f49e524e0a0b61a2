/** The pod conditions that the kubelet owns, with upstream's reasons and messages. */
import type { ContainerStatus, Pod, PodCondition } from "@knots/api/core/v1";
import { isSidecar } from "../pods/restart-policy.ts";
import type { PodPhase } from "./phase.ts";

export type Verdict = Pick<PodCondition, "type" | "status" | "reason" | "message">;

export const KUBELET_CONDITIONS: ReadonlySet<string> = new Set([
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
]);

/** Go prints a list of strings with blanks between them. */
function goList(names: readonly string[]): string {
  return `[${names.join(" ")}]`;
}

/** `statuses` undefined: no container status is known at all. */
export function initializedCondition(pod: Pod, statuses: readonly ContainerStatus[], phase: PodPhase): Verdict {
  const type = "Initialized";
  const inits = pod.spec?.initContainers ?? [];
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of inits) {
    const status = statuses.find((candidate) => candidate.name === container.name);
    if (status === undefined) unknown.push(container.name);
    else if (isSidecar(container) ? status.started !== true : !status.ready) incomplete.push(container.name);
  }
  if (phase === "Succeeded" && unknown.length === 0) return { type, status: "True", reason: "PodCompleted" };
  // Once a regular container has started, initialization lies behind the pod, whatever becomes of its sidecars.
  const begun = (pod.status?.containerStatuses ?? []).some(
    (status) => status.started === true || status.lastState?.terminated !== undefined,
  );
  if (begun && inits.every((container) => isSidecar(container) || !incomplete.includes(container.name)))
    return { type, status: "True" };
  const messages = [
    ...(unknown.length > 0 ? [`containers with unknown status: ${goList(unknown)}`] : []),
    ...(incomplete.length > 0 ? [`containers with incomplete status: ${goList(incomplete)}`] : []),
  ];
  if (messages.length === 0) return { type, status: "True" };
  return { type, status: "False", reason: "ContainersNotInitialized", message: messages.join(", ") };
}

/** `statuses`: of init and regular containers. */
export function containersReadyCondition(pod: Pod, statuses: readonly ContainerStatus[], phase: PodPhase): Verdict {
  const type = "ContainersReady";
  const unknown: string[] = [];
  const unready: string[] = [];
  const serving = [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])];
  for (const container of serving) {
    const status = statuses.find((candidate) => candidate.name === container.name);
    if (status === undefined) unknown.push(container.name);
    else if (!status.ready) unready.push(container.name);
  }
  if (phase === "Succeeded" && unknown.length === 0) return { type, status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { type, status: "False", reason: "PodFailed" };
  const messages = [
    ...(unknown.length > 0 ? [`containers with unknown status: ${goList(unknown)}`] : []),
    ...(unready.length > 0 ? [`containers with unready status: ${goList(unready)}`] : []),
  ];
  if (messages.length === 0) return { type, status: "True" };
  return { type, status: "False", reason: "ContainersNotReady", message: messages.join(", ") };
}

export function readyCondition(pod: Pod, containersReady: Verdict): Verdict {
  const type = "Ready";
  if (containersReady.status !== "True") return { ...containersReady, type };
  const messages: string[] = [];
  for (const gate of pod.spec?.readinessGates ?? []) {
    const condition = pod.status?.conditions?.find((candidate) => candidate.type === gate.conditionType);
    const name = JSON.stringify(gate.conditionType);
    if (condition === undefined) messages.push(`corresponding condition of pod readiness gate ${name} does not exist.`);
    else if (condition.status !== "True")
      messages.push(`the status of pod readiness gate ${name} is not "True", but ${condition.status}`);
  }
  if (messages.length === 0) return { type, status: "True" };
  return { type, status: "False", reason: "ReadinessGatesNotReady", message: messages.join(", ") };
}

/**
 * Puts the verdicts into the pod's present conditions: conditions of others stay as they are; lastTransitionTime moves only with
 * the status; observedGeneration tells which generation was judged.
 */
export function mergeConditions(
  pod: Pod,
  verdicts: readonly Verdict[],
  previous: readonly PodCondition[],
  now: string,
): PodCondition[] {
  const observed = pod.metadata?.generation;
  const own = verdicts.map((verdict): PodCondition => {
    const old = previous.find((condition) => condition.type === verdict.type);
    const condition: PodCondition = {
      type: verdict.type,
      ...(observed === undefined ? {} : { observedGeneration: observed }),
      status: verdict.status,
      lastTransitionTime:
        old?.status === verdict.status && old.lastTransitionTime !== undefined ? old.lastTransitionTime : now,
    };
    if (verdict.reason !== undefined && verdict.reason !== "") condition.reason = verdict.reason;
    if (verdict.message !== undefined && verdict.message !== "") condition.message = verdict.message;
    return condition;
  });
  const foreign = (pod.status?.conditions ?? []).filter(
    (condition) => !verdicts.some((verdict) => verdict.type === condition.type),
  );
  return [...own, ...foreign];
}
