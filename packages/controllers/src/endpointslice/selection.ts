import type { Pod, Service } from "@knots/api/core/v1";
import { selectorFromSet } from "@knots/machinery";
import type { Selector } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { isTerminal } from "../framework/pod-state.ts";

/** Compiled selectors of Services, per version of the Service. */
export class ServiceSelectors {
  readonly #compiled = new WeakMap<Service, Selector>();

  /** Whether the Service selects the pod. A Service without a selector selects none: its endpoints are somebody else's. */
  matches(service: Service, pod: Pod): boolean {
    const { selector } = service.spec ?? {};
    if (selector === undefined || Object.keys(selector).length === 0) return false;
    let compiled = this.#compiled.get(service);
    if (compiled === undefined) this.#compiled.set(service, (compiled = selectorFromSet(selector)));
    return compiled.matches(pod.metadata?.labels ?? {});
  }
}

/** Whether a selected pod has a place among the endpoints at all: it has an address and has not ended. */
export function hasEndpoint(pod: Pod, includeTerminating: boolean): boolean {
  if (isTerminal(pod)) return false;
  if (!pod.status?.podIP && (pod.status?.podIPs ?? []).length === 0) return false;
  return includeTerminating || pod.metadata?.deletionTimestamp === undefined;
}

/** The host name that the pod's record has below a headless Service: both must name each other. */
export function endpointHostname(pod: Pod, service: Service): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  if (!hostname || subdomain !== service.metadata?.name) return undefined;
  return pod.metadata?.namespace === service.metadata?.namespace ? hostname : undefined;
}

/** What an endpoint is made of; a pod update that changes none of it concerns no Service. */
function endpointFacts(pod: Pod): unknown {
  const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
  return [
    pod.status?.podIP,
    pod.status?.podIPs?.map(({ ip }) => ip),
    ready?.status,
    isTerminal(pod),
    pod.metadata?.deletionTimestamp !== undefined,
    pod.spec?.nodeName,
    pod.spec?.hostname,
    pod.spec?.subdomain,
  ];
}

/** The Services whose endpoints a changed pod may change: those that select it or did. `services` are of its namespace. Pure. */
export function servicesToUpdate(
  selectors: ServiceSelectors,
  services: readonly Service[],
  old: Pod | undefined,
  pod: Pod,
): Service[] {
  const matching = (of: Pod): Service[] => services.filter((service) => selectors.matches(service, of));
  if (old === undefined) return matching(pod);
  const labelsChanged = !semanticEqual(old.metadata?.labels, pod.metadata?.labels);
  const factsChanged = JSON.stringify(endpointFacts(old)) !== JSON.stringify(endpointFacts(pod));
  if (!labelsChanged && !factsChanged) return [];
  if (!labelsChanged) return matching(pod);
  const before = new Set(matching(old));
  const after = new Set(matching(pod));
  return [...(factsChanged ? before.union(after) : before.symmetricDifference(after))];
}
