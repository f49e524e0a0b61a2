// What several components need to know of pods, each rule once: readiness, resources, QoS, tolerations, node selectors.
import { setKey, tableOf } from "./table.ts";
import { maxResources, addResources, parseResources, type ResourceAmounts } from "./quantity.ts";
import { Selector, type Requirement } from "./labels.ts";

interface ConditionLike {
  type: string;
  status: string;
  lastTransitionTime?: string;
}

interface Resources {
  requests?: Record<string, string | number>;
  limits?: Record<string, string | number>;
}

interface ContainerLike {
  name?: string;
  resources?: Resources;
  restartPolicy?: string;
}

interface PodSpecLike {
  containers?: readonly ContainerLike[];
  initContainers?: readonly ContainerLike[];
  overhead?: Record<string, string | number>;
  resources?: Resources;
}

interface PodLike {
  spec?: PodSpecLike;
  status?: { phase?: string; conditions?: readonly ConditionLike[] };
}

export function isPodReady(pod: PodLike): boolean {
  return (
    pod.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false
  );
}

export function isPodTerminal(pod: PodLike): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** Ready for at least `minReadySeconds`; `now` in milliseconds since the epoch. */
export function isPodAvailable(pod: PodLike, minReadySeconds: number, now: number): boolean {
  const ready = pod.status?.conditions?.find((condition) => condition.type === "Ready");
  if (ready?.status !== "True") return false;
  if (minReadySeconds === 0) return true;
  return ready.lastTransitionTime !== undefined && Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 <= now;
}

type Pick = (container: ContainerLike) => Record<string, string | number> | undefined;

/**
 * Containers and sidecars add up; an init container needs what it asks for beside the sidecars started before it;
 * the pod needs the larger of the two, and its overhead (KEP-753).
 */
function podResources(spec: PodSpecLike | undefined, pick: Pick): ResourceAmounts {
  const sum: ResourceAmounts = {};
  for (const container of spec?.containers ?? []) addResources(sum, parseResources(pick(container)));
  const sidecars: ResourceAmounts = {};
  const initial: ResourceAmounts = {};
  for (const container of spec?.initContainers ?? []) {
    const own = parseResources(pick(container));
    if (container.restartPolicy === "Always") {
      addResources(sum, own);
      addResources(sidecars, own);
      maxResources(initial, sidecars);
    } else {
      const together = { ...sidecars };
      addResources(together, own);
      maxResources(initial, together);
    }
  }
  maxResources(sum, initial);
  return sum;
}

/** What a pod asks for, resource by resource: what the scheduler counts. A container's limit stands in for a request it lacks. */
export function podRequests(spec: PodSpecLike | undefined): ResourceAmounts {
  const sum = podResources(spec, ({ resources }) => ({ ...resources?.limits, ...resources?.requests }));
  for (const [name, amount] of Object.entries(
    parseResources({ ...spec?.resources?.limits, ...spec?.resources?.requests }),
  ))
    setKey(sum, name, amount);
  addResources(sum, parseResources(spec?.overhead));
  return sum;
}

export function podLimits(spec: PodSpecLike | undefined): ResourceAmounts {
  const sum = podResources(spec, ({ resources }) => resources?.limits);
  for (const [name, amount] of Object.entries(parseResources(spec?.resources?.limits))) setKey(sum, name, amount);
  const overhead = parseResources(spec?.overhead);
  for (const [name, amount] of Object.entries(overhead))
    if (Object.hasOwn(sum, name)) addResources(sum, { [name]: amount });
  return sum;
}

const QOS_RESOURCES = ["cpu", "memory"] as const;

/** Guaranteed when every container's cpu and memory requests equal its limits, BestEffort when none asks, Burstable otherwise. */
export function podQOSClass(pod: PodLike): "Guaranteed" | "Burstable" | "BestEffort" {
  const podLevel = pod.spec?.resources;
  const asked =
    podLevel === undefined
      ? [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(({ resources }) => resources)
      : [podLevel];
  let any = false;
  let guaranteed = true;
  for (const resources of asked) {
    const limits = parseResources(resources?.limits);
    const requests = { ...limits, ...parseResources(resources?.requests) };
    for (const name of QOS_RESOURCES) {
      const request = requests[name];
      const limit = limits[name];
      if ((request !== undefined && !request.isZero()) || (limit !== undefined && !limit.isZero())) any = true;
      if (limit === undefined || limit.isZero() || request === undefined || request.cmp(limit) !== 0)
        guaranteed = false;
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

export interface TaintLike {
  key: string;
  value?: string;
  effect: string;
}

export interface TolerationLike {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
  tolerationSeconds?: number;
}

export function tolerationToleratesTaint(toleration: TolerationLike, taint: TaintLike): boolean {
  if ((toleration.effect ?? "") !== "" && toleration.effect !== taint.effect) return false;
  if ((toleration.key ?? "") !== "" && toleration.key !== taint.key) return false;
  switch (toleration.operator ?? "Equal") {
    case "":
    case "Equal":
      return (toleration.value ?? "") === (taint.value ?? "") && (toleration.key ?? "") !== "";
    case "Exists":
      return true;
    default:
      return false;
  }
}

/** The first taint, of those `filter` takes, that no toleration covers. */
export function findMatchingUntoleratedTaint<T extends TaintLike>(
  taints: readonly T[] | undefined,
  tolerations: readonly TolerationLike[] | undefined,
  filter: (taint: T) => boolean = () => true,
): T | undefined {
  return taints?.find(
    (taint) => filter(taint) && !(tolerations ?? []).some((toleration) => tolerationToleratesTaint(toleration, taint)),
  );
}

interface NodeSelectorRequirement {
  key: string;
  operator: string;
  values?: string[];
}

export interface NodeSelectorTermLike {
  matchExpressions?: readonly NodeSelectorRequirement[];
  matchFields?: readonly NodeSelectorRequirement[];
}

const NODE_OPERATORS: Readonly<Record<string, Requirement["operator"]>> = tableOf({
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
  Gt: "gt",
  Lt: "lt",
});

function compile(requirements: readonly NodeSelectorRequirement[] | undefined): Selector {
  return new Selector(
    (requirements ?? []).map(({ key, operator, values }) => ({
      key,
      operator: NODE_OPERATORS[operator] ?? "exists",
      values: values ?? [],
    })),
    // A term that is not understood fits no node.
    (requirements ?? []).some(({ operator }) => NODE_OPERATORS[operator] === undefined),
  );
}

const compiled = new WeakMap<NodeSelectorTermLike, { labels: Selector; fields: Selector }>();

/** Whether a node fits any of the terms (of a NodeSelector); a term without requirements fits none. */
export function nodeMatchesNodeSelectorTerms(
  node: { metadata?: { name?: string; labels?: Record<string, string> } },
  terms: readonly NodeSelectorTermLike[] | undefined,
): boolean {
  return (terms ?? []).some((term) => {
    if ((term.matchExpressions?.length ?? 0) === 0 && (term.matchFields?.length ?? 0) === 0) return false;
    let selectors = compiled.get(term);
    if (selectors === undefined)
      compiled.set(term, (selectors = { labels: compile(term.matchExpressions), fields: compile(term.matchFields) }));
    return (
      selectors.labels.matches(node.metadata?.labels) &&
      selectors.fields.matches({ "metadata.name": node.metadata?.name ?? "" })
    );
  });
}
