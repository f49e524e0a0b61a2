/** The phase of a pod from the statuses of its containers. */
import type { ContainerStatus, Pod } from "@knots/api/core/v1";
import { isSidecar } from "../pods/restart-policy.ts";

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed";

/** `terminal`: nothing of the pod will ever be started again, whatever its restart policy says. */
export function computePhase(
  pod: Pod,
  initStatuses: readonly ContainerStatus[],
  containerStatuses: readonly ContainerStatus[],
  terminal: boolean,
): PodPhase {
  const policy = pod.spec?.restartPolicy ?? "Always";
  const byName = new Map([...initStatuses, ...containerStatuses].map((status) => [status.name, status]));
  let pendingInit = 0;
  let pendingSidecars = 0;
  let failedInit = 0;
  const count = { unknown: 0, running: 0, waiting: 0, stopped: 0, succeeded: 0 };

  for (const container of pod.spec?.initContainers ?? []) {
    const status = byName.get(container.name);
    const state = status?.state;
    if (isSidecar(container)) {
      if (state?.running !== undefined) {
        if (status?.started !== true) pendingSidecars += 1;
        count.running += 1;
      } else if (state?.waiting !== undefined) {
        if (status?.lastState?.terminated === undefined) {
          pendingSidecars += 1;
          count.waiting += 1;
        }
      } else if (state?.terminated === undefined) {
        pendingSidecars += 1;
        count.unknown += 1;
      }
    } else if (state?.terminated !== undefined) {
      if (state.terminated.exitCode !== 0) failedInit += 1;
    } else if (state?.waiting !== undefined && status?.lastState?.terminated !== undefined) {
      if (status.lastState.terminated.exitCode !== 0) failedInit += 1;
    } else {
      pendingInit += 1;
    }
  }

  let anyStarted = false;
  for (const container of pod.spec?.containers ?? []) {
    const status = byName.get(container.name);
    const state = status?.state;
    if (
      status?.started === true ||
      state?.running !== undefined ||
      state?.terminated !== undefined ||
      status?.lastState?.terminated !== undefined
    ) {
      anyStarted = true;
    }
    if (state?.running !== undefined) {
      count.running += 1;
    } else if (state?.terminated !== undefined) {
      count.stopped += 1;
      if (state.terminated.exitCode === 0) count.succeeded += 1;
    } else if (state?.waiting !== undefined) {
      if (status?.lastState?.terminated !== undefined) count.stopped += 1;
      else count.waiting += 1;
    } else {
      count.unknown += 1;
    }
  }

  if (failedInit > 0 && policy === "Never") return "Failed";
  if (pendingInit > 0 || (pendingSidecars > 0 && !anyStarted) || count.waiting > 0) return "Pending";
  if (count.running > 0 && count.unknown === 0) return "Running";
  if (count.running === 0 && count.stopped > 0 && count.unknown === 0) {
    const allSucceeded = count.stopped === count.succeeded;
    if (terminal) return allSucceeded ? "Succeeded" : "Failed";
    if (policy === "Always") return "Running";
    if (allSucceeded) return "Succeeded";
    // A container's own rules may still start it again where the pod's policy would not.
    if (policy === "Never" && !hasPendingRestart(pod, containerStatuses)) return "Failed";
    return "Running";
  }
  return "Pending";
}

function hasPendingRestart(pod: Pod, statuses: readonly ContainerStatus[]): boolean {
  return (pod.spec?.containers ?? []).some((container) => {
    if (container.restartPolicy === undefined) return false;
    const state = statuses.find((status) => status.name === container.name);
    const exit = state?.state?.terminated ?? state?.lastState?.terminated;
    if (exit === undefined) return false;
    const listed = (container.restartPolicyRules ?? []).some(
      (rule) =>
        rule.exitCodes !== undefined &&
        (rule.exitCodes.values ?? []).includes(exit.exitCode) === (rule.exitCodes.operator === "In"),
    );
    return (
      listed || container.restartPolicy === "Always" || (container.restartPolicy === "OnFailure" && exit.exitCode !== 0)
    );
  });
}
