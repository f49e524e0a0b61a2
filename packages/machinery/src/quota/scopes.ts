// Which objects a ResourceQuota with scopes is about.
// Rules: https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes
import type { KubeObject } from "../object.ts";
import { podQOSClass } from "../pods.ts";

interface ScopeRequirement {
  scopeName: string;
  operator: string;
  values?: string[];
}

export interface QuotaSpecLike {
  scopes?: string[];
  scopeSelector?: { matchExpressions?: ScopeRequirement[] };
}

interface AffinityTermLike {
  namespaces?: readonly string[];
  namespaceSelector?: object;
}

interface PodAffinityLike {
  requiredDuringSchedulingIgnoredDuringExecution?: readonly AffinityTermLike[];
  preferredDuringSchedulingIgnoredDuringExecution?: readonly { podAffinityTerm?: AffinityTermLike }[];
}

interface PodLike extends KubeObject {
  spec?: NonNullable<Parameters<typeof podQOSClass>[0]["spec"]> & {
    activeDeadlineSeconds?: number;
    priorityClassName?: string;
    affinity?: { podAffinity?: PodAffinityLike; podAntiAffinity?: PodAffinityLike };
  };
}

interface ClaimLike extends KubeObject {
  spec?: { volumeAttributesClassName?: string };
  status?: {
    currentVolumeAttributesClassName?: string;
    modifyVolumeStatus?: { targetVolumeAttributesClassName?: string };
  };
}

/** Whether a quota counts this object: one without scopes everything, one with scopes only what every one of them takes. Pure. */
export function inQuotaScopes(spec: QuotaSpecLike | undefined, groupResource: string, object: KubeObject): boolean {
  const requirements: ScopeRequirement[] = [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
  if (requirements.length === 0) return true;
  if (groupResource === "pods") return requirements.every((each) => podInScope(object, each));
  if (groupResource === "persistentvolumeclaims") return requirements.every((each) => claimInScope(object, each));
  return false;
}

function podInScope(pod: PodLike, { scopeName, operator, values = [] }: ScopeRequirement): boolean {
  const terminating = (pod.spec?.activeDeadlineSeconds ?? -1) >= 0;
  switch (scopeName) {
    case "Terminating":
      return terminating;
    case "NotTerminating":
      return !terminating;
    case "BestEffort":
      return podQOSClass(pod) === "BestEffort";
    case "NotBestEffort":
      return podQOSClass(pod) !== "BestEffort";
    case "PriorityClass":
      return namesMatch([pod.spec?.priorityClassName], operator, values);
    case "CrossNamespacePodAffinity":
      return reachesOtherNamespaces(pod);
    default:
      return false;
  }
}

function claimInScope({ spec, status }: ClaimLike, { scopeName, operator, values = [] }: ScopeRequirement): boolean {
  if (scopeName !== "VolumeAttributesClass") return false;
  return namesMatch(
    [
      spec?.volumeAttributesClassName,
      status?.currentVolumeAttributesClassName,
      status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
    ],
    operator,
    values,
  );
}

/** Whether one of the names is as the operator says; where there is none, whether none is. */
function namesMatch(candidates: readonly (string | undefined)[], operator: string, values: readonly string[]): boolean {
  const names = candidates.filter((name): name is string => name !== undefined && name !== "");
  switch (operator) {
    case "In":
      return names.some((name) => values.includes(name));
    case "NotIn":
      return names.length === 0 || names.some((name) => !values.includes(name));
    case "Exists":
      return names.length > 0;
    case "DoesNotExist":
      return names.length === 0;
    default:
      return false;
  }
}

function reachesOtherNamespaces({ spec }: PodLike): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  return [podAffinity, podAntiAffinity]
    .flatMap((affinity) => [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        ({ podAffinityTerm }) => podAffinityTerm,
      ),
    ])
    .some((term) => (term?.namespaces?.length ?? 0) > 0 || term?.namespaceSelector !== undefined);
}
