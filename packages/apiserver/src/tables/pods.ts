import type { ContainerStatus, Pod } from "@knots/api/core/v1";
import { AGE, NAME, age, column, wide } from "./columns.ts";
import type { TableKind } from "./columns.ts";

interface PodSummary {
  readonly ready: string;
  readonly status: string;
  readonly restarts: string;
}

/** The words and numbers of `kubectl get pods` (upstream: printPod). */
export function podSummary(pod: Pod, now: number): PodSummary {
  const { spec, status, metadata } = pod;
  const sidecars = new Set(
    (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always").map(({ name }) => name),
  );
  const total = (spec?.containers?.length ?? 0) + sidecars.size;
  let ready = 0;
  let restarts = 0;
  let sidecarRestarts = 0;
  let lastRestart = 0;
  let lastSidecarRestart = 0;
  let reason = status?.reason !== undefined && status.reason !== "" ? status.reason : (status?.phase ?? "");
  if (
    (status?.conditions ?? []).some(({ type, reason: why }) => type === "PodScheduled" && why === "SchedulingGated")
  ) {
    reason = "SchedulingGated";
  }
  let initializing = false;
  const initStatuses = status?.initContainerStatuses ?? [];
  for (let i = 0; i < initStatuses.length; i++) {
    const container = initStatuses[i];
    if (container === undefined) continue;
    restarts += container.restartCount ?? 0;
    lastRestart = Math.max(lastRestart, finishedAt(container));
    const sidecar = sidecars.has(container.name);
    if (sidecar) {
      sidecarRestarts += container.restartCount ?? 0;
      lastSidecarRestart = Math.max(lastSidecarRestart, finishedAt(container));
    }
    const { terminated, waiting } = container.state ?? {};
    if (terminated !== undefined && terminated.exitCode === 0) continue;
    if (sidecar && container.started === true) {
      if (container.ready) ready++;
      continue;
    }
    if (terminated !== undefined) {
      reason = `Init:${terminatedReason(terminated)}`;
    } else if (waiting?.reason !== undefined && waiting.reason !== "" && waiting.reason !== "PodInitializing") {
      reason = `Init:${waiting.reason}`;
    } else {
      reason = `Init:${i}/${spec?.initContainers?.length ?? 0}`;
    }
    initializing = true;
    break;
  }
  if (!initializing || isInitialized(pod)) {
    restarts = sidecarRestarts;
    lastRestart = lastSidecarRestart;
    let running = false;
    for (const container of (status?.containerStatuses ?? []).toReversed()) {
      restarts += container.restartCount ?? 0;
      lastRestart = Math.max(lastRestart, finishedAt(container));
      const { waiting, terminated, running: runs } = container.state ?? {};
      if (waiting?.reason !== undefined && waiting.reason !== "") reason = waiting.reason;
      else if (terminated !== undefined) reason = terminatedReason(terminated);
      else if (container.ready && runs !== undefined) {
        running = true;
        ready++;
      }
    }
    // One container done, another still at work.
    if (reason === "Completed" && running) reason = isReady(pod) ? "Running" : "NotReady";
  }
  if (metadata?.deletionTimestamp !== undefined) {
    if (status?.reason === "NodeLost") reason = "Unknown";
    else if (status?.phase !== "Succeeded" && status?.phase !== "Failed") reason = "Terminating";
  }
  const ago = restarts > 0 && lastRestart > 0 ? ` (${age(new Date(lastRestart).toISOString(), now)} ago)` : "";
  return { ready: `${ready}/${total}`, status: reason, restarts: `${restarts}${ago}` };
}

function terminatedReason(terminated: { reason?: string; signal?: number; exitCode?: number }): string {
  if (terminated.reason !== undefined && terminated.reason !== "") return terminated.reason;
  if (terminated.signal !== undefined && terminated.signal !== 0) return `Signal:${terminated.signal}`;
  return `ExitCode:${terminated.exitCode ?? 0}`;
}

function finishedAt(container: ContainerStatus): number {
  const { finishedAt: at } = container.lastState?.terminated ?? {};
  return at === undefined || at === null ? 0 : Date.parse(at);
}

function isReady(pod: Pod): boolean {
  return (pod.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
}

function isInitialized(pod: Pod): boolean {
  return (pod.status?.conditions ?? []).some(({ type, status }) => type === "Initialized" && status === "True");
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const met = gates.filter(({ conditionType }) =>
    (pod.status?.conditions ?? []).some(({ type, status }) => type === conditionType && status === "True"),
  );
  return `${met.length}/${gates.length}`;
}

function orNone(text: string | undefined): string {
  return text === undefined || text === "" ? "<none>" : text;
}

const COMPLETED = { type: "Completed", status: "True" };

export const podTable: TableKind<Pod> = {
  columns: [
    NAME,
    column<Pod>("Ready", (pod, now) => podSummary(pod, now).ready, {
      description: "The aggregate readiness state of this pod for accepting traffic.",
    }),
    column<Pod>("Status", (pod, now) => podSummary(pod, now).status, {
      description: "The aggregate status of the containers in this pod.",
    }),
    column<Pod>("Restarts", (pod, now) => podSummary(pod, now).restarts, {
      description: "How often the containers in this pod have been restarted, and when last.",
    }),
    AGE,
    wide<Pod>("IP", ({ status }) => orNone(status?.podIPs?.[0]?.ip ?? status?.podIP)),
    wide<Pod>("Node", ({ spec }) => orNone(spec?.nodeName)),
    wide<Pod>("Nominated Node", ({ status }) => orNone(status?.nominatedNodeName)),
    wide<Pod>("Readiness Gates", readinessGates),
  ],
  conditions({ status }) {
    if (status?.phase === "Succeeded") {
      return [{ ...COMPLETED, reason: "Succeeded", message: "The pod has completed successfully." }];
    }
    if (status?.phase === "Failed") return [{ ...COMPLETED, reason: "Failed", message: "The pod failed." }];
    return undefined;
  },
};
