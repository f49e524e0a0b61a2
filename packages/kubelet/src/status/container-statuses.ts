/** ContainerStatus entries from what the runtime shows, what was reported before, and why a container does not start. */
import type { Container, ContainerState, ContainerStatus, Pod } from "@knots/api/core/v1";
import { formatTime } from "@knots/machinery";
import { shouldBeRestarted } from "../pods/restart-policy.ts";
import type { PodRuntimeStatus, RuntimeContainer } from "../runtime/types.ts";

/** Why the last attempt to start a container failed; shown as its waiting state. */
export interface StartFailure {
  readonly reason: string;
  readonly message: string;
}

export interface ContainerStatusInput {
  readonly pod: Pod;
  readonly runtime: PodRuntimeStatus;
  readonly previous: readonly ContainerStatus[];
  /** "containerd": the prefix of container ids in the API. */
  readonly runtimeName: string;
  startFailure(containerName: string): StartFailure | undefined;
}

/** Statuses of `containers` (of one of the pod's three lists), in the order given. */
export function containerStatuses(
  input: ContainerStatusInput,
  containers: readonly Container[],
  init: boolean,
): ContainerStatus[] {
  return containers.map((container) => containerStatus(input, container, init));
}

function containerStatus(input: ContainerStatusInput, container: Container, init: boolean): ContainerStatus {
  const { pod, runtime } = input;
  const old = input.previous.find((status) => status.name === container.name);
  const incarnations = runtime.containers.filter((candidate) => candidate.name === container.name);
  const newest = incarnations[0];
  if (newest === undefined) return withoutRuntime(pod, container, old);

  const status: ContainerStatus = {
    name: container.name,
    state: stateOf(input, newest),
    lastState: {},
    ready: false,
    restartCount: newest.restartCount,
    image: newest.image === "" ? (container.image ?? "") : newest.image,
    imageID: newest.imageID,
    containerID: `${input.runtimeName}://${newest.id}`,
    started: false,
    ...resourcesOf(container),
  };
  const before = incarnations.slice(1).find((candidate) => candidate.state === "exited");
  if (before !== undefined) status.lastState = stateOf(input, before);
  else if (newest.restartCount > 0 && old?.lastState?.terminated !== undefined) status.lastState = old.lastState;
  if (newest.state === "unknown" && old?.state?.running !== undefined) {
    status.state = { terminated: { exitCode: 137, reason: "ContainerStatusUnknown", message: LOST } };
    status.restartCount = old.restartCount + 1;
  }
  if (newest.user !== undefined) {
    status.user = {
      linux: { uid: newest.user.uid, gid: newest.user.gid, supplementalGroups: [...newest.user.supplementalGroups] },
    };
  }

  const finishedInit = init && newest.state === "exited" && newest.exitCode === 0;
  if (!finishedInit && shouldBeRestarted(pod, container, newest)) {
    const failure = input.startFailure(container.name);
    if (failure !== undefined) {
      if (status.state?.terminated !== undefined) status.lastState = { terminated: status.state.terminated };
      status.state = waiting(failure);
    }
  }
  return status;

  function withoutRuntime(p: Pod, c: Container, previous: ContainerStatus | undefined): ContainerStatus {
    if (previous?.state?.terminated !== undefined) return previous;
    const hasInit = (p.spec?.initContainers ?? []).length > 0;
    const result: ContainerStatus = {
      name: c.name,
      state: { waiting: { reason: hasInit ? "PodInitializing" : "ContainerCreating" } },
      lastState: previous?.lastState ?? {},
      ready: false,
      restartCount: previous?.restartCount ?? 0,
      image: c.image ?? "",
      imageID: "",
      started: false,
      ...resourcesOf(c),
    };
    if (
      previous?.state?.running !== undefined &&
      p.metadata?.deletionTimestamp !== undefined &&
      result.lastState?.terminated === undefined
    ) {
      // It ran, it is gone, and nobody will start it: waiting would make the pod look Pending.
      result.lastState = { terminated: { exitCode: 137, reason: "ContainerStatusUnknown", message: LOST_DELETED } };
      result.restartCount += 1;
    }
    const failure = p.metadata?.deletionTimestamp === undefined ? input.startFailure(c.name) : undefined;
    if (failure !== undefined) result.state = waiting(failure);
    return result;
  }
}

const LOST = "The container could not be located when the pod was terminated";
const LOST_DELETED = "The container could not be located when the pod was deleted.  The container used to be Running";

function waiting(failure: StartFailure): ContainerState {
  return { waiting: { reason: failure.reason, ...(failure.message === "" ? {} : { message: failure.message }) } };
}

function stateOf(input: ContainerStatusInput, container: RuntimeContainer): ContainerState {
  switch (container.state) {
    case "running":
      return { running: { startedAt: formatTime(new Date(container.startedAt)) } };
    case "created":
    case "exited":
      return {
        terminated: {
          exitCode: container.exitCode,
          ...(container.reason === "" ? {} : { reason: container.reason }),
          ...(container.message === "" ? {} : { message: container.message }),
          ...(container.startedAt === 0 ? {} : { startedAt: formatTime(new Date(container.startedAt)) }),
          ...(container.finishedAt === 0 ? {} : { finishedAt: formatTime(new Date(container.finishedAt)) }),
          containerID: `${input.runtimeName}://${container.id}`,
        },
      };
    case "unknown":
      return { waiting: {} };
  }
}

/** What the container was given. `volumeMounts` says for each mount how read-only it really is. */
function resourcesOf(container: Container): Pick<ContainerStatus, "allocatedResources" | "resources" | "volumeMounts"> {
  const requests = container.resources?.requests;
  const mounts = (container.volumeMounts ?? []).map((mount) => ({
    name: mount.name,
    mountPath: mount.mountPath,
    ...(mount.readOnly === true
      ? { readOnly: true, recursiveReadOnly: mount.recursiveReadOnly === "Enabled" ? "Enabled" : "Disabled" }
      : {}),
  }));
  return {
    ...(requests === undefined ? {} : { allocatedResources: requests }),
    resources: container.resources ?? {},
    ...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
  };
}
