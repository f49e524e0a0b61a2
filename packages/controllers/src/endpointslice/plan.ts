import type { Node, Pod, Service } from "@knots/api/core/v1";
import type { Endpoint, EndpointPort, EndpointSlice } from "@knots/api/discovery/v1";
import { addressTypesOf, podEndpoint } from "./endpoint.ts";
import type { AddressType } from "./endpoint.ts";
import { withHints } from "./hints.ts";
import { sliceSpec } from "./meta.ts";
import { endpointPorts, portsKey } from "./ports.ts";
import { hasEndpoint } from "./selection.ts";
import { planSlices } from "./slices.ts";
import type { PortGroup, SliceActions } from "./slices.ts";

export interface SliceInput {
  readonly service: Service;
  /** The pods the Service selects. */
  readonly pods: readonly Pod[];
  readonly node: (name: string) => Node | undefined;
  /** The Service's slices that this controller owns. */
  readonly existing: readonly EndpointSlice[];
  readonly maxEndpoints: number;
  readonly triggerTime: string | undefined;
}

export interface SlicePlan extends SliceActions {
  /** Pods left out because their node is not known yet: the plan is to be made again soon. */
  readonly withoutNode: readonly Pod[];
}

/** What makes a Service's slices right. Pure. */
export function planServiceSlices(input: SliceInput): SlicePlan {
  const { service, existing, node } = input;
  const candidates = input.pods.filter((pod) => hasEndpoint(pod, true));
  const types = addressTypesOf(service, candidates);
  const withoutNode: Pod[] = [];
  const shown = candidates.filter((pod) => {
    if (service.spec?.publishNotReadyAddresses === true) return true;
    const name = pod.spec?.nodeName ?? "";
    if (name === "" || node(name) !== undefined) return true;
    withoutNode.push(pod);
    return false;
  });
  const plan: SlicePlan = { create: [], update: [], remove: [], withoutNode };
  for (const type of types) {
    const groups = groupByPorts(service, shown, node, type);
    const spec = sliceSpec(service, type, input.maxEndpoints, input.triggerTime);
    const ofType = existing.filter(({ addressType }) => addressType === type);
    const actions = planSlices(ofType, groups, spec);
    plan.create.push(...actions.create);
    plan.update.push(...actions.update);
    plan.remove.push(...actions.remove);
  }
  // Slices of a family that the Service no longer has.
  plan.remove.push(...existing.filter(({ addressType }) => !types.some((type) => type === addressType)));
  return plan;
}

function groupByPorts(
  service: Service,
  pods: readonly Pod[],
  node: (name: string) => Node | undefined,
  type: AddressType,
): PortGroup[] {
  const groups = new Map<string, { ports: EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of pods) {
    const endpoint = podEndpoint(pod, node(pod.spec?.nodeName ?? ""), service, type);
    if (endpoint === undefined) continue;
    const ports = endpointPorts(service, pod);
    const key = portsKey(ports);
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { ports, endpoints: [] }));
    group.endpoints.push(withHints(endpoint, service));
  }
  return [...groups.values()];
}
