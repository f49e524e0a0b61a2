// The claim for a pod's extended resources that are devices: https://kep.k8s.io/5004
import type { Container, ContainerExtendedResourceRequest, Pod } from "@knots/api/core/v1";
import type { DeviceClass, DeviceRequest, ResourceClaim } from "@knots/api/resource/v1";
import { EXTENDED_RESOURCE_CLAIM_ANNOTATION, Quantity } from "@knots/machinery";

/** Its name while it is nowhere but here: none that a claim could have. */
export const UNMADE = "<extended-resources>";

/** As it is made, but for its requests, which depend on what the node offers by other means. Pure. */
export function extendedClaim(pod: Pod, requests: readonly DeviceRequest[]): ResourceClaim {
  const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
  return {
    metadata: {
      name: UNMADE,
      generateName: `${name}-extended-resources-`,
      namespace,
      annotations: { [EXTENDED_RESOURCE_CLAIM_ANNOTATION]: "true" },
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name, uid, controller: true }],
    },
    spec: requests.length === 0 ? {} : { devices: { requests: [...requests] } },
  };
}

export interface RequestsAndMappings {
  /** By name. */
  readonly requests: readonly DeviceRequest[];
  /** Which container gets the devices of which request. */
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}

/** An exact request for so many devices of a class. */
interface Asked {
  readonly name: string;
  readonly count: number;
  readonly deviceClassName: string;
}

type Mapping = ContainerExtendedResourceRequest;

/**
 * What must be requested for a pod whose `resources` are devices. Containers and sidecars have a request each. An init
 * container has the devices of those that start after it, and one request, that of the init container which needs most, is
 * for what these lack: init containers run one after the other. Pure.
 */
export function requestsAndMappings(
  { spec }: Pod,
  resources: readonly string[],
  classOf: (resource: string) => DeviceClass | undefined,
): RequestsAndMappings {
  const initContainers = spec?.initContainers ?? [];
  const containers = [...initContainers, ...(spec?.containers ?? [])];
  const isPassing = (i: number): boolean => i < initContainers.length && containers[i]?.restartPolicy !== "Always";
  const requests: Asked[] = [];
  const mappings: Mapping[] = [];
  for (const resource of resources.toSorted()) {
    const deviceClassName = classOf(resource)?.metadata?.name;
    if (deviceClassName === undefined) continue;
    const ask = (container: Container, i: number, others: readonly (Asked | undefined)[]) =>
      requestOf({ container, index: i, resource, deviceClassName }, others);
    const lasting = containers.map((container, i) => (isPassing(i) ? NOTHING : ask(container, i, [])));
    const passing = containers.flatMap((container, i) => {
      if (!isPassing(i)) return [];
      return [
        ask(
          container,
          i,
          lasting.slice(i).map(({ request }) => request),
        ),
      ];
    });
    const extra = passing.flatMap(({ request }) => request ?? []);
    const most = extra.reduce<Asked | undefined>(
      (best, each) => (best === undefined || best.count < each.count ? each : best),
      undefined,
    );
    const merged = new Set(extra.map(({ name }) => name));
    requests.push(...(most === undefined ? [] : [most]), ...lasting.flatMap(({ request }) => request ?? []));
    mappings.push(
      ...lasting.flatMap((each) => each.mappings),
      ...passing
        .flatMap((each) => each.mappings)
        .map((each) =>
          most !== undefined && merged.has(each.requestName) ? { ...each, requestName: most.name } : each,
        ),
    );
  }
  return {
    requests: requests
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, count, deviceClassName }) => ({
        name,
        exactly: { deviceClassName, allocationMode: "ExactCount", count },
      })),
    mappings,
  };
}

interface Ask {
  readonly request: Asked | undefined;
  readonly mappings: readonly Mapping[];
}

const NOTHING: Ask = { request: undefined, mappings: [] };

/** What one container must request of a resource beside `others`, whose devices it may use first. */
function requestOf(
  {
    container,
    index,
    resource,
    deviceClassName,
  }: { container: Container; index: number; resource: string; deviceClassName: string },
  others: readonly (Asked | undefined)[],
): Ask {
  const all = container.resources?.requests ?? {};
  const wanted = Number(Quantity.parse(all[resource] ?? "0").value());
  if (wanted === 0) return NOTHING;
  const mapping = (requestName: string): Mapping => ({
    containerName: container.name,
    resourceName: resource,
    requestName,
  });
  const mappings: Mapping[] = [];
  let have = 0;
  for (const other of others) {
    if (other === undefined) continue;
    have += other.count;
    mappings.push(mapping(other.name));
    if (have >= wanted) return { request: undefined, mappings };
  }
  const name = `container-${index}-request-${Object.keys(all).toSorted().indexOf(resource)}`;
  return { request: { name, count: wanted - have, deviceClassName }, mappings: [...mappings, mapping(name)] };
}
