/** The labels and annotations by which the kubelet recognizes its sandboxes and containers in the runtime, also after a restart. */
import { createHash } from "node:crypto";
import type { Container, Pod } from "@knots/api/core/v1";

export const LABEL_POD_NAME = "io.kubernetes.pod.name";
export const LABEL_POD_NAMESPACE = "io.kubernetes.pod.namespace";
export const LABEL_POD_UID = "io.kubernetes.pod.uid";
export const LABEL_CONTAINER_NAME = "io.kubernetes.container.name";

export const ANNOTATION_HASH = "io.kubernetes.container.hash";
export const ANNOTATION_RESTART_COUNT = "io.kubernetes.container.restartCount";
export const ANNOTATION_TERMINATION_PATH = "io.kubernetes.container.terminationMessagePath";
export const ANNOTATION_TERMINATION_POLICY = "io.kubernetes.container.terminationMessagePolicy";
export const ANNOTATION_PORTS = "io.kubernetes.container.ports";
export const ANNOTATION_PRE_STOP = "io.kubernetes.container.preStopHandler";
export const ANNOTATION_POD_DELETION_GRACE = "io.kubernetes.pod.deletionGracePeriod";
export const ANNOTATION_POD_TERMINATION_GRACE = "io.kubernetes.pod.terminationGracePeriod";

export const ANNOTATION_CONFIG_SOURCE = "kubernetes.io/config.source";
export const ANNOTATION_CONFIG_HASH = "kubernetes.io/config.hash";
export const ANNOTATION_CONFIG_SEEN = "kubernetes.io/config.seen";
export const ANNOTATION_CONFIG_MIRROR = "kubernetes.io/config.mirror";

/** Only name and image decide whether a container must be created anew; everything else of a running pod is immutable or live. */
export function containerHash(container: Container): string {
  return createHash("sha256")
    .update(JSON.stringify([container.name, container.image ?? ""]))
    .digest("hex")
    .slice(0, 16);
}

export function sandboxLabels(pod: Pod): Record<string, string> {
  return { ...pod.metadata?.labels, ...podLabels(pod) };
}

export function containerLabels(pod: Pod, container: Container): Record<string, string> {
  return { ...podLabels(pod), [LABEL_CONTAINER_NAME]: container.name };
}

function podLabels(pod: Pod): Record<string, string> {
  return {
    [LABEL_POD_NAME]: pod.metadata?.name ?? "",
    [LABEL_POD_NAMESPACE]: pod.metadata?.namespace ?? "",
    [LABEL_POD_UID]: pod.metadata?.uid ?? "",
  };
}

export function containerAnnotations(pod: Pod, container: Container, restartCount: number): Record<string, string> {
  const grace = pod.spec?.terminationGracePeriodSeconds;
  const deletionGrace = pod.metadata?.deletionGracePeriodSeconds;
  const preStop = container.lifecycle?.preStop;
  return {
    [ANNOTATION_HASH]: containerHash(container),
    [ANNOTATION_RESTART_COUNT]: String(restartCount),
    [ANNOTATION_TERMINATION_PATH]: container.terminationMessagePath ?? "/dev/termination-log",
    [ANNOTATION_TERMINATION_POLICY]: container.terminationMessagePolicy ?? "File",
    ...(grace === undefined ? {} : { [ANNOTATION_POD_TERMINATION_GRACE]: String(grace) }),
    ...(deletionGrace === undefined ? {} : { [ANNOTATION_POD_DELETION_GRACE]: String(deletionGrace) }),
    // Kept with the container, so that it can be stopped properly when nobody knows its pod any more.
    ...(preStop === undefined ? {} : { [ANNOTATION_PRE_STOP]: JSON.stringify(preStop) }),
    ...((container.ports ?? []).length === 0 ? {} : { [ANNOTATION_PORTS]: JSON.stringify(container.ports) }),
  };
}

/** "name_namespace(uid)": how upstream prints a pod in messages. */
export function formatPod(pod: Pod): string {
  return `${pod.metadata?.name ?? ""}_${pod.metadata?.namespace ?? ""}(${pod.metadata?.uid ?? ""})`;
}
