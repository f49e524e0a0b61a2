import type { Service } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { semanticEqual } from "../framework/equality.ts";
import { metaOf } from "../framework/objects.ts";
import type { AddressType } from "./endpoint.ts";
import type { SliceSpec } from "./slices.ts";
import { TRIGGER_TIME } from "./slices.ts";

export const SERVICE_NAME = "kubernetes.io/service-name";
export const MANAGED_BY = "endpointslice.kubernetes.io/managed-by";
export const CONTROLLER = "endpointslice-controller.k8s.io";
export const HEADLESS = "service.kubernetes.io/headless";

/** The longest prefix of a generated name that leaves room for what the server adds. */
const MAX_PREFIX = 253 - 5;

export function slicePrefix(name: string): string {
  return `${name.slice(0, MAX_PREFIX - 1)}-`;
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === "None";
}

/** Labels of a Service's slices: the Service's own, and those by which they are found. Pure. */
export function sliceLabels(service: Service): Record<string, string> {
  const { [HEADLESS]: _, ...own } = service.metadata?.labels ?? {};
  return {
    ...own,
    ...(isHeadless(service) ? { [HEADLESS]: "" } : {}),
    [SERVICE_NAME]: metaOf(service).name,
    [MANAGED_BY]: CONTROLLER,
  };
}

/** How the slices of a Service are to look; `triggerTime` is written only along with another change. */
export function sliceSpec(
  service: Service,
  addressType: AddressType,
  maxEndpoints: number,
  triggerTime: string | undefined,
): SliceSpec {
  const { name, namespace, uid } = metaOf(service);
  const labels = sliceLabels(service);
  const annotations: Record<string, string> = triggerTime === undefined ? {} : { [TRIGGER_TIME]: triggerTime };
  return {
    addressType,
    labels,
    annotations,
    maxEndpoints,
    sameMeta: (slice: EndpointSlice) =>
      semanticEqual(slice.metadata?.labels, labels) &&
      slice.metadata?.ownerReferences?.some((ref) => ref.uid === uid && ref.controller === true) === true,
    make: () => ({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        generateName: slicePrefix(name),
        namespace,
        labels: { ...labels },
        ...(triggerTime === undefined ? {} : { annotations }),
        ownerReferences: [{ apiVersion: "v1", kind: "Service", name, uid, controller: true, blockOwnerDeletion: true }],
      },
      addressType,
      endpoints: [],
      ports: [],
    }),
  };
}
