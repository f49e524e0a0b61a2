/** Where the kubelet's events go, and what they are about. */
import type { Container, ObjectReference, Pod } from "@knots/api/core/v1";

export interface Recorder {
  event(object: Pod | ObjectReference, type: "Normal" | "Warning", reason: string, message: string): void;
}

/** A container of a pod: the pod, with the path of the container in its spec. */
export function containerRef(pod: Pod, container: Pick<Container, "name">): ObjectReference {
  return { ...podRef(pod), fieldPath: fieldPath(pod, container.name) };
}

export function podRef(pod: Pod): ObjectReference {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = pod.metadata ?? {};
  return { apiVersion: "v1", kind: "Pod", name, namespace, uid, resourceVersion };
}

function fieldPath(pod: Pod, name: string): string {
  const lists = ["containers", "initContainers", "ephemeralContainers"] as const;
  const list = lists.find((key) => (pod.spec?.[key] ?? []).some((container) => container.name === name));
  return `spec.${list ?? "containers"}{${name}}`;
}
