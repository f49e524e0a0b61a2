import type { DaemonSet } from "@knots/api/apps/v1";
import type { Pod, PodSpec, Toleration } from "@knots/api/core/v1";
import { isDeviceResourceName } from "@knots/machinery";
import type { OwnerReference } from "@knots/machinery";
import { CONTROLLER_REVISION_HASH } from "../framework/history.ts";
import { metaOf } from "../framework/objects.ts";
import { podFromTemplate } from "../framework/pod-control.ts";

const TEMPLATE_GENERATION = "deprecated.daemonset.template.generation";

/** Taints that never keep a daemon off its node, nor drive it away. */
const TOLERATED: readonly Toleration[] = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/pid-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
];
const NETWORK_UNAVAILABLE: Toleration = {
  key: "node.kubernetes.io/network-unavailable",
  operator: "Exists",
  effect: "NoSchedule",
};

/** The tolerations of a daemon pod: the template's and those every daemon has. */
export function daemonTolerations(spec: PodSpec | undefined): Toleration[] {
  const own = spec?.tolerations ?? [];
  const automatic = spec?.hostNetwork === true ? [...TOLERATED, NETWORK_UNAVAILABLE] : TOLERATED;
  const same = (a: Toleration, b: Toleration): boolean =>
    a.key === b.key &&
    a.effect === b.effect &&
    (a.operator ?? "Equal") === (b.operator ?? "Equal") &&
    (a.value ?? "") === (b.value ?? "");
  return [...own.filter((a) => !automatic.some((b) => same(a, b))), ...automatic];
}

export function daemonSetRef(daemonSet: DaemonSet): OwnerReference {
  const { name, uid } = metaOf(daemonSet);
  return { apiVersion: "apps/v1", kind: "DaemonSet", name, uid, controller: true, blockOwnerDeletion: true };
}

/** Whether the pods need what the scheduler alone can give on a node: devices of claims, and extended resources. Pure. */
export function needsScheduler(spec: PodSpec | undefined): boolean {
  if (spec?.nodeName) return false;
  if ((spec?.resourceClaims ?? []).length > 0) return true;
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].some(({ resources }) =>
    Object.keys({ ...resources?.limits, ...resources?.requests }).some(isDeviceResourceName),
  );
}

/** The node of a daemon pod: the one that it is bound to, or waits for. Pure. */
export function targetNode({ spec }: Pod): string {
  if (spec?.nodeName) return spec.nodeName;
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const fields = terms.flatMap(({ matchFields = [] }) => matchFields);
  return fields.find(({ key, operator }) => key === "metadata.name" && operator === "In")?.values?.[0] ?? "";
}

/** Only on that node: placement has looked at what else the template wants of nodes. */
function waitingFor(spec: PodSpec, nodeName: string): PodSpec {
  const matchFields = [{ key: "metadata.name", operator: "In", values: [nodeName] }];
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms: [{ matchFields }] };
  const nodeAffinity = { ...spec.affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution };
  return { ...spec, affinity: { ...spec.affinity, nodeAffinity } };
}

/** The daemon pod of a node, placed there: a scheduler has a say only where it must give the pod something. Pure. */
export function daemonPod(daemonSet: DaemonSet, nodeName: string, hash: string): Pod {
  const template = daemonSet.spec?.template ?? {};
  const pod = podFromTemplate(template, daemonSet, daemonSetRef(daemonSet));
  const generation = daemonSet.metadata?.annotations?.[TEMPLATE_GENERATION];
  pod.metadata = {
    ...pod.metadata,
    labels: {
      ...pod.metadata?.labels,
      [CONTROLLER_REVISION_HASH]: hash,
      ...(generation === undefined ? {} : { "pod-template-generation": generation }),
    },
  };
  const spec = { containers: [], ...pod.spec, tolerations: daemonTolerations(template.spec) };
  pod.spec = needsScheduler(template.spec) ? waitingFor(spec, nodeName) : { ...spec, nodeName };
  return pod;
}
