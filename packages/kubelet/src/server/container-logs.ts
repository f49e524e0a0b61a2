/** GET /containerLogs/NAMESPACE/POD/CONTAINER: which file is meant, and why there is none. */
import type { ContainerStatus, Pod } from "@knots/api/core/v1";
import type { LogOptions } from "../logs/read-log.ts";
import { HttpError } from "./http-error.ts";
import type { KubeletView } from "./types.ts";

export interface LogSource {
  readonly containerID: string;
  readonly path: string;
  readonly isRunning: () => boolean;
}

/** The options of a query; throws with upstream's words on values that are none. */
export function logOptions(query: URLSearchParams, now: number): LogOptions & { readonly previous: boolean } {
  const flag = (name: string): boolean => ["true", "1", ""].includes(query.get(name) ?? "false");
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null) return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < (name === "tailLines" ? 0 : 1))
      throw new HttpError(400, `Invalid request: ${name}: Invalid value: ${JSON.stringify(text)}`);
    return value;
  };
  const seconds = number("sinceSeconds");
  const time = query.get("sinceTime");
  if (time !== null && Number.isNaN(Date.parse(time)))
    throw new HttpError(400, `Invalid request: sinceTime: Invalid value: ${JSON.stringify(time)}`);
  const stream = query.get("stream")?.toLowerCase();
  return {
    follow: flag("follow"),
    previous: flag("previous"),
    timestamps: flag("timestamps"),
    tailLines: number("tailLines"),
    limitBytes: number("limitBytes"),
    since: seconds !== undefined ? now - seconds * 1000 : time === null ? undefined : Date.parse(time),
    stream: stream === "stdout" || stream === "stderr" ? stream : undefined,
  };
}

export function findPod(view: KubeletView, namespace: string, name: string): Pod {
  const pod = view.pods().find((each) => each.metadata?.name === name && each.metadata.namespace === namespace);
  if (pod === undefined) throw new HttpError(404, `pod ${JSON.stringify(name)} not found`);
  return pod;
}

/** The log of a pod's container, the running or last one or the one before; throws with upstream's reason. */
export function logSource(view: KubeletView, pod: Pod, container: string, previous: boolean): LogSource {
  const podName = pod.metadata?.name ?? "";
  const uid = pod.metadata?.uid ?? "";
  const all = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []),
    ...(pod.spec?.ephemeralContainers ?? []),
  ];
  if (!all.some(({ name }) => name === container))
    throw new HttpError(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(podName)}`);
  const instances = (view.runtimeStatus(uid)?.containers ?? []).filter((each) => each.name === container);
  const found = previous ? instances[1] : instances.find((each) => each.startedAt > 0);
  const named = `container ${JSON.stringify(container)} in pod ${JSON.stringify(podName)}`;
  if (found === undefined) {
    if (previous) throw new HttpError(400, `previous terminated ${named} not found`);
    throw new HttpError(400, `${named} is ${whyNot(statusOf(pod, container))}`);
  }
  const running = (): boolean =>
    view.runtimeStatus(uid)?.containers.some((each) => each.id === found.id && each.state === "running") === true;
  return { containerID: found.id, path: found.logPath, isRunning: running };
}

function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    ({ name }) => name === container,
  );
}

function whyNot(status: ContainerStatus | undefined): string {
  const reason = status?.state?.waiting?.reason;
  if (status === undefined || reason === undefined) return "not available";
  if (reason === "ErrImagePull") return "waiting to start: image can't be pulled";
  if (reason === "ImagePullBackOff") return "waiting to start: trying and failing to pull image";
  return `waiting to start: ${reason}`;
}
