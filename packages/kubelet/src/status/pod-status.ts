/** The whole PodStatus: a pure function of the pod, the runtime's view and the probes' verdicts. */
import type { ContainerStatus, Pod, PodStatus } from "@knots/api/core/v1";
import { formatTime, podQOSClass } from "@knots/machinery";
import { isSidecar } from "../pods/restart-policy.ts";
import { podIPs, type PodRuntimeStatus } from "../runtime/types.ts";
import {
  containersReadyCondition,
  initializedCondition,
  mergeConditions,
  readyCondition,
  type Verdict,
} from "./conditions.ts";
import { containerStatuses, type StartFailure } from "./container-statuses.ts";
import { computePhase, type PodPhase } from "./phase.ts";

export interface PodStatusInput {
  readonly pod: Pod;
  readonly runtime: PodRuntimeStatus;
  /** What was reported last (by this kubelet, or read from the API after a restart). */
  readonly previous: PodStatus | undefined;
  readonly hostIPs: readonly string[];
  readonly runtimeName: string;
  readonly now: number;
  /** Nothing of the pod will be started again. */
  readonly terminal: boolean;
  /** Set when the node itself ended the pod: rejected, evicted, past its deadline. */
  readonly failure?: { readonly reason: string; readonly message: string; readonly condition?: Verdict } | undefined;
  startFailure(containerName: string): StartFailure | undefined;
  /** Verdicts of the probes by container id; a container without that probe counts as started, and as ready once started. */
  probes: { started(containerID: string): boolean; ready(containerID: string): boolean };
}

export function podStatus(input: PodStatusInput): PodStatus {
  const { pod, runtime, previous } = input;
  const now = formatTime(new Date(input.now));
  const spec = pod.spec;
  const of = (list: readonly ContainerStatus[] | undefined) => ({
    pod,
    runtime,
    previous: list ?? [],
    runtimeName: input.runtimeName,
    startFailure: (name: string) => input.startFailure(name),
  });
  const inits = spec?.initContainers ?? [];
  const initStatuses = containerStatuses(of(previous?.initContainerStatuses), inits, true);
  const statuses = containerStatuses(of(previous?.containerStatuses), spec?.containers ?? [], false);
  const ephemeral = containerStatuses(
    of(previous?.ephemeralContainerStatuses),
    // Ephemeral containers have the shape of containers here; they lack only what they may not use.
    (spec?.ephemeralContainers ?? []) as NonNullable<typeof spec>["containers"],
    false,
  ).filter(
    (status) =>
      runtime.containers.some((container) => container.name === status.name) ||
      input.startFailure(status.name) !== undefined,
  );
  const sidecars = new Set(inits.filter(isSidecar).map((container) => container.name));
  for (const status of statuses) applyProbes(input, status);
  for (const status of initStatuses) {
    if (sidecars.has(status.name)) applyProbes(input, status);
    else finishInit(status);
  }
  for (const status of ephemeral) status.started = status.state?.running !== undefined;

  let phase = computePhase(pod, initStatuses, statuses, input.terminal);
  // A pod that has ended stays ended.
  if (previous?.phase === "Failed" || previous?.phase === "Succeeded") phase = previous.phase as PodPhase;
  if (input.failure !== undefined) phase = "Failed";

  const judged: Pod = { ...pod, status: { ...pod.status, containerStatuses: statuses } };
  const containersReady = containersReadyCondition(pod, [...initStatuses, ...statuses], phase);
  const verdicts: Verdict[] = [
    { type: "PodReadyToStartContainers", status: sandboxReady(input) ? "True" : "False" },
    initializedCondition(judged, initStatuses, phase),
    readyCondition(pod, containersReady),
    containersReady,
    { type: "PodScheduled", status: "True" },
    ...(input.failure?.condition === undefined ? [] : [input.failure.condition]),
  ];

  // Addresses of a pod that has ended are kept: people look for them in logs.
  const hostNetwork = spec?.hostNetwork === true;
  const ips = hostNetwork ? input.hostIPs : podIPs(runtime);
  const shown = ips.length > 0 ? ips.map((ip) => ({ ip })) : previous?.podIPs;
  const status: PodStatus = {
    ...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: mergeConditions(pod, verdicts, previous?.conditions ?? pod.status?.conditions ?? [], now),
    ...(input.failure !== undefined
      ? { reason: input.failure.reason, message: input.failure.message }
      : reasonOf(previous)),
    ...(input.hostIPs.length === 0
      ? {}
      : { hostIP: input.hostIPs[0] ?? "", hostIPs: input.hostIPs.map((ip) => ({ ip })) }),
    ...(shown?.[0] === undefined ? {} : { podIP: shown[0].ip, podIPs: shown }),
    startTime: previous?.startTime ?? pod.status?.startTime ?? now,
    ...(initStatuses.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    ...(statuses.length === 0 || (input.failure !== undefined && runtime.containers.length === 0)
      ? {}
      : { containerStatuses: statuses }),
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
    qosClass: pod.status?.qosClass ?? podQOSClass(pod),
  };
  return status;
}

function reasonOf(previous: PodStatus | undefined): Pick<PodStatus, "reason" | "message"> {
  if (previous?.phase !== "Failed") return {};
  return {
    ...(previous.reason === undefined ? {} : { reason: previous.reason }),
    ...(previous.message === undefined ? {} : { message: previous.message }),
  };
}

function sandboxReady(input: PodStatusInput): boolean {
  const newest = input.runtime.sandboxes[0];
  return newest?.ready === true && (newest.hostNetwork || newest.ips.length > 0);
}

function applyProbes(input: PodStatusInput, status: ContainerStatus): void {
  const id = status.containerID?.split("://")[1];
  if (id === undefined || status.state?.running === undefined) {
    status.started = false;
    status.ready = false;
    return;
  }
  status.started = input.probes.started(id);
  status.ready = status.started && input.probes.ready(id);
}

function finishInit(status: ContainerStatus): void {
  status.ready = status.state?.terminated?.exitCode === 0;
  status.started = status.state?.running !== undefined;
}
