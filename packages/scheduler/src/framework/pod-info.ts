import type { Container, Pod } from "@knots/api/core/v1";
import { compileAffinityTerm } from "./affinity-term.ts";
import type { AffinityTerm } from "./affinity-term.ts";
import { nonZeroRequestsOf, requestsOf } from "./resources.ts";
import type { Resources } from "./resources.ts";

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

/** A pod with all that scheduling derives from it, computed once per version of the pod. */
export interface PodInfo {
  readonly pod: Pod;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** "namespace/name". */
  readonly key: string;
  readonly priority: number;
  readonly requests: Resources;
  readonly nonZero: { readonly milliCPU: number; readonly memory: number };
  readonly hostPorts: readonly HostPort[];
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];
}

const infos = new WeakMap<Pod, PodInfo>();

/** The PodInfo of a pod from the API server. Throws where the pod has no name or uid. */
export function podInfo(pod: Pod): PodInfo {
  let info = infos.get(pod);
  if (info === undefined) infos.set(pod, (info = compute(pod)));
  return info;
}

function compute(pod: Pod): PodInfo {
  const { name, namespace = "", uid } = pod.metadata ?? {};
  const { spec } = pod;
  if (name === undefined || uid === undefined || spec === undefined) {
    throw new Error("a pod without name, uid or spec did not come from the API server");
  }
  const affinity = spec.affinity?.podAffinity;
  const anti = spec.affinity?.podAntiAffinity;
  return {
    pod,
    uid,
    namespace,
    name,
    key: `${namespace}/${name}`,
    priority: spec.priority ?? 0,
    requests: requestsOf(spec),
    nonZero: nonZeroRequestsOf(spec),
    hostPorts: hostPortsOf(pod),
    requiredAffinity: (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
      compileAffinityTerm(term, pod),
    ),
    requiredAntiAffinity: (anti?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
      compileAffinityTerm(term, pod),
    ),
    preferredAffinity: (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((preferred) =>
      compileAffinityTerm(preferred.podAffinityTerm, pod, preferred.weight),
    ),
    preferredAntiAffinity: (anti?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((preferred) =>
      compileAffinityTerm(preferred.podAffinityTerm, pod, preferred.weight),
    ),
  };
}

export function hasAffinity(info: PodInfo): boolean {
  return (
    info.requiredAffinity.length > 0 ||
    info.requiredAntiAffinity.length > 0 ||
    info.preferredAffinity.length > 0 ||
    info.preferredAntiAffinity.length > 0
  );
}

/** Ports of containers and of sidecars; ordinary init containers' ports are free again when the pod runs. */
function hostPortsOf(pod: Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const containers: readonly Container[] = [...(pod.spec?.containers ?? []), ...sidecars];
  return containers.flatMap(({ ports }) =>
    (ports ?? []).flatMap((port) =>
      port.hostPort === undefined || port.hostPort <= 0
        ? []
        : [{ ip: port.hostIP || "0.0.0.0", protocol: port.protocol ?? "TCP", port: port.hostPort }],
    ),
  );
}
