/** The decision of one sync: what must be killed, created and started so that the runtime shows what the pod asks for. No effects. */
import type { Container, Pod } from "@knots/api/core/v1";
import { latestContainer, type PodRuntimeStatus, type RuntimeContainer } from "../runtime/types.ts";
import { isSidecar, restartPolicyOf, restartsOnFailure, shouldBeRestarted } from "./restart-policy.ts";

export type KillReason = "LivenessProbe" | "StartupProbe" | "DefinitionChanged" | "Unknown";

export interface ContainerToKill {
  readonly container: RuntimeContainer;
  /** For the Killing event. */
  readonly message: string;
  readonly reason: KillReason;
}

export interface PodActions {
  /** Stop every container and the sandbox, before a new sandbox or for good. */
  killPod: boolean;
  createSandbox: boolean;
  /** The sandbox to use when none is created. */
  sandboxID: string | undefined;
  /** Attempt number of the sandbox to create. */
  attempt: number;
  /** Indexes into spec.initContainers. */
  initContainersToStart: number[];
  /** Indexes into spec.containers. */
  containersToStart: number[];
  /** Indexes into spec.ephemeralContainers. */
  ephemeralContainersToStart: number[];
  containersToKill: ContainerToKill[];
}

/** Verdicts of the probes, by container id. */
export interface ProbeVerdicts {
  /** undefined: no verdict yet. */
  startup(containerID: string): boolean | undefined;
  liveness(containerID: string): boolean | undefined;
}

/** `hashOf` gives the hash a container would be created with now; another hash in the runtime means: create it anew. */
export function computePodActions(
  pod: Pod,
  status: PodRuntimeStatus,
  probes: ProbeVerdicts,
  hashOf: (container: Container) => string,
): PodActions {
  const sandbox = sandboxDecision(pod, status);
  const actions: PodActions = {
    killPod: sandbox.create,
    createSandbox: sandbox.create,
    sandboxID: sandbox.id,
    attempt: sandbox.attempt,
    initContainersToStart: [],
    containersToStart: [],
    ephemeralContainersToStart: [],
    containersToKill: [],
  };
  if (sandbox.create) {
    startAfresh(pod, status, actions);
    return actions;
  }

  for (const [index, container] of (pod.spec?.ephemeralContainers ?? []).entries()) {
    // Ephemeral containers are started once and never again, and need not wait for initialization.
    if (latestContainer(status, container.name) === undefined) actions.ephemeralContainersToStart.push(index);
  }
  const initialized = computeInitActions(pod, status, probes, hashOf, actions);
  if (actions.killPod || !initialized) return actions;

  let kept = 0;
  for (const [index, container] of (pod.spec?.containers ?? []).entries()) {
    const current = latestContainer(status, container.name);
    if (current?.state !== "running") {
      if (!shouldBeRestarted(pod, container, current)) continue;
      actions.containersToStart.push(index);
      if (current?.state === "unknown") actions.containersToKill.push(killUnknown(current));
      continue;
    }
    const verdict = whyKill(container, current, probes, hashOf, "Container");
    if (verdict === undefined) {
      kept += 1;
      continue;
    }
    const restart = verdict.reason === "DefinitionChanged" || restartsOnFailure(pod, container);
    if (restart) actions.containersToStart.push(index);
    actions.containersToKill.push({
      container: current,
      reason: verdict.reason,
      message: restart ? `${verdict.message}, will be restarted` : verdict.message,
    });
  }
  if (kept === 0 && actions.containersToStart.length === 0) {
    // Nothing runs and nothing will: the pod is over, sidecars included.
    actions.killPod = true;
    actions.initContainersToStart = [];
  }
  return actions;
}

function sandboxDecision(
  pod: Pod,
  status: PodRuntimeStatus,
): { create: boolean; attempt: number; id: string | undefined } {
  const newest = status.sandboxes[0];
  if (newest === undefined) return { create: true, attempt: 0, id: undefined };
  const again = { create: true, attempt: newest.attempt + 1, id: newest.id };
  const hostNetwork = pod.spec?.hostNetwork === true;
  if (status.sandboxes.filter((sandbox) => sandbox.ready).length > 1) return again;
  if (!newest.ready || newest.hostNetwork !== hostNetwork) return again;
  if (!hostNetwork && newest.ips.length === 0) return again;
  return { create: false, attempt: newest.attempt, id: newest.id };
}

function startAfresh(pod: Pod, status: PodRuntimeStatus, actions: PodActions): void {
  const containers = pod.spec?.containers ?? [];
  const hasRun = actions.attempt !== 0 && status.containers.length !== 0;
  if (hasRun && !containers.some((container) => restartsOnFailure(pod, container))) {
    actions.createSandbox = false;
    return;
  }
  const start = containers.flatMap((container, index) => {
    const current = latestContainer(status, container.name);
    const succeeded = current?.state === "exited" && current.exitCode === 0;
    const policy = restartPolicyOf(pod, container);
    return (succeeded && policy === "OnFailure") || (hasRun && current !== undefined && policy === "Never")
      ? []
      : [index];
  });
  if (start.length === 0) {
    actions.createSandbox = false;
    return;
  }
  // A new sandbox begins from the beginning, initialization included.
  if ((pod.spec?.initContainers ?? []).length > 0) actions.initContainersToStart = [0];
  else actions.containersToStart = start;
}

/**
 * Walks the init containers from the last to the first: the last one that has a status says where initialization stands; the ones
 * before it are done, of them only sidecars still matter. Returns whether the regular containers may run.
 */
function computeInitActions(
  pod: Pod,
  wholeStatus: PodRuntimeStatus,
  probes: ProbeVerdicts,
  hashOf: (container: Container) => string,
  actions: PodActions,
): boolean {
  const initContainers = pod.spec?.initContainers ?? [];
  if (initContainers.length === 0) return true;
  // What ran in an earlier sandbox does not count: initialization belongs to the sandbox.
  const status = {
    ...wholeStatus,
    containers: wholeStatus.containers.filter((c) => c.sandboxID === actions.sandboxID),
  };
  let initialized = (pod.spec?.containers ?? []).some((container) => {
    const current = latestContainer(status, container.name);
    return current !== undefined && current.state !== "unknown";
  });
  let reached = initialized;
  const start = new Set<number>();
  const last = initContainers.length - 1;
  const proceedFrom = (index: number): void => {
    if (index === last) initialized = true;
    else start.add(index + 1);
  };

  for (let index = last; index >= 0; index -= 1) {
    const container = initContainers[index];
    if (container === undefined) continue;
    const sidecar = isSidecar(container);
    const current = latestContainer(status, container.name);
    if (current === undefined) {
      if (reached && sidecar) start.add(index);
      continue;
    }
    if (reached && !sidecar) continue;
    switch (current.state) {
      case "created":
        start.add(index);
        break;
      case "running": {
        if (!sidecar) break;
        const verdict = whyKill(container, current, probes, hashOf, "Init container");
        if (verdict !== undefined) {
          actions.containersToKill.push({ container: current, ...verdict });
          start.add(index);
        } else if (!reached && (container.startupProbe === undefined || probes.startup(current.id) === true)) {
          proceedFrom(index);
        }
        break;
      }
      case "exited":
        if (sidecar) {
          start.add(index);
        } else if (current.exitCode === 0) {
          proceedFrom(index);
        } else if (restartsOnFailure(pod, container)) {
          start.add(index);
        } else {
          actions.killPod = true;
          actions.initContainersToStart = [];
          return false;
        }
        break;
      case "unknown":
        actions.containersToKill.push(killUnknown(current));
        start.add(index);
        break;
    }
    reached = true;
  }
  if (!reached) start.add(0);
  actions.initContainersToStart = [...start].toSorted((a, b) => a - b);
  return initialized;
}

function whyKill(
  container: Container,
  current: RuntimeContainer,
  probes: ProbeVerdicts,
  hashOf: (container: Container) => string,
  what: string,
): { message: string; reason: KillReason } | undefined {
  if (current.hash !== "" && current.hash !== hashOf(container)) {
    return { message: `${what} ${container.name} definition changed`, reason: "DefinitionChanged" };
  }
  if (probes.liveness(current.id) === false) {
    return { message: `${what} ${container.name} failed liveness probe`, reason: "LivenessProbe" };
  }
  if (probes.startup(current.id) === false) {
    return { message: `${what} ${container.name} failed startup probe`, reason: "StartupProbe" };
  }
  return undefined;
}

function killUnknown(container: RuntimeContainer): ContainerToKill {
  return { container, reason: "Unknown", message: `Container is in "unknown" state, try killing it before restart` };
}
