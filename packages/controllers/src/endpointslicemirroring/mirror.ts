import { isIP } from "node:net";
import type { EndpointAddress, Endpoints, EndpointSubset, Service } from "@knots/api/core/v1";
import type { Endpoint, EndpointSlice } from "@knots/api/discovery/v1";
import type { AddressType } from "../endpointslice/endpoint.ts";
import { addressTypeOf } from "../endpointslice/endpoint.ts";
import { MANAGED_BY, SERVICE_NAME, slicePrefix } from "../endpointslice/meta.ts";
import { portsKey } from "../endpointslice/ports.ts";
import { planSlices, TRIGGER_TIME } from "../endpointslice/slices.ts";
import type { PortGroup, SliceActions, SliceSpec } from "../endpointslice/slices.ts";
import { semanticEqual } from "../framework/equality.ts";
import { metaOf } from "../framework/objects.ts";

export const MIRRORING_CONTROLLER = "endpointslicemirroring-controller.k8s.io";
const SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror";
const LEADER = "control-plane.alpha.kubernetes.io/leader";
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
const TYPES = ["IPv4", "IPv6"] as const satisfies readonly AddressType[];

/** Whether the Endpoints are somebody's own, for a Service that selects no pods. Pure. */
export function shouldMirror(endpoints: Endpoints | undefined, service: Service | undefined): endpoints is Endpoints {
  if (endpoints === undefined || service === undefined) return false;
  const { labels, annotations } = endpoints.metadata ?? {};
  if (labels?.[SKIP_MIRROR] === "true" || annotations?.[LEADER] !== undefined) return false;
  return service.spec?.selector === undefined;
}

export interface MirrorPlan extends SliceActions {
  readonly skipped: number;
  readonly invalid: number;
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

/** What makes `existing` (the mirrored slices) show the Endpoints: at most `max` addresses a subset, and a slice. Pure. */
export function planMirror(endpoints: Endpoints, existing: readonly EndpointSlice[], max: number): MirrorPlan {
  const counts = { skipped: 0, invalid: 0 };
  const groups: Record<AddressType, Map<string, PortGroup & { endpoints: Endpoint[] }>> = {
    IPv4: new Map(),
    IPv6: new Map(),
  };
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map(({ name = "", port, protocol = "TCP", appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    }));
    for (const endpoint of endpointsOf(subset, max, counts)) {
      const ofType = groups[addressTypeOf(endpoint.addresses[0] ?? "")];
      const key = portsKey(ports);
      const group = ofType.get(key);
      if (group === undefined) ofType.set(key, { ports, endpoints: [endpoint] });
      else group.endpoints.push(endpoint);
    }
  }
  const plan: MirrorPlan = { create: [], update: [], remove: [], ...counts };
  for (const type of TYPES) {
    const ofType = existing.filter(({ addressType }) => addressType === type);
    const wanted = [...groups[type].values()];
    // Where pods are selected an empty slice says so; here nothing needs saying.
    const actions =
      wanted.length === 0
        ? { create: [], update: [], remove: ofType }
        : planSlices(ofType, wanted, mirrorSpec(endpoints, type, max));
    plan.create.push(...actions.create);
    plan.update.push(...actions.update);
    plan.remove.push(...actions.remove);
  }
  return plan;
}

function endpointsOf(
  { addresses = [], notReadyAddresses = [] }: EndpointSubset,
  max: number,
  counts: { skipped: number; invalid: number },
): Endpoint[] {
  const found = new Map<string, Endpoint>();
  const add = (address: EndpointAddress, ready: boolean): void => {
    if (isIP(address.ip) === 0) counts.invalid++;
    else if (found.size >= max) counts.skipped++;
    else if (!found.has(address.ip)) found.set(address.ip, endpointOf(address, ready));
  };
  for (const address of addresses) add(address, true);
  for (const address of notReadyAddresses) add(address, false);
  return [...found.values()];
}

function mirrorSpec(endpoints: Endpoints, addressType: AddressType, maxEndpoints: number): SliceSpec {
  const { name, namespace, uid, labels: own, annotations: theirs = {} } = metaOf(endpoints);
  const labels = { ...own, [SERVICE_NAME]: name, [MANAGED_BY]: MIRRORING_CONTROLLER };
  const { [LAST_APPLIED]: _applied, [TRIGGER_TIME]: _trigger, ...annotations } = theirs;
  const isOurs = (slice: EndpointSlice): boolean => {
    const { [TRIGGER_TIME]: _, ...shown } = slice.metadata?.annotations ?? {};
    return semanticEqual(shown, annotations) && semanticEqual(slice.metadata?.labels, labels);
  };
  return {
    addressType,
    labels,
    annotations: { ...annotations },
    maxEndpoints,
    sameMeta: (slice) => isOurs(slice) && slice.metadata?.ownerReferences?.some((ref) => ref.uid === uid) === true,
    make: () => ({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        generateName: slicePrefix(name),
        namespace,
        labels: { ...labels },
        ...(Object.keys(annotations).length === 0 ? {} : { annotations: { ...annotations } }),
        ownerReferences: [
          { apiVersion: "v1", kind: "Endpoints", name, uid, controller: true, blockOwnerDeletion: true },
        ],
      },
      addressType,
      endpoints: [],
      ports: [],
    }),
  };
}
