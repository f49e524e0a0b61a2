import { isDeepStrictEqual } from "node:util";
import type { Node, NodeSelector, NodeSelectorRequirement } from "@knots/api/core/v1";
import type {
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  ResourceClaim,
} from "@knots/api/resource/v1";
import { namespacedName } from "@knots/machinery";
import type { ResourceAmounts } from "@knots/machinery";
import type { PoolDevice } from "./pools.ts";
import { ClaimError } from "./requests.ts";
import type { Alternative } from "./requests.ts";

/** A device that was found for a request. */
export interface Pick {
  readonly request: Alternative;
  readonly device: PoolDevice;
  /** What the request takes of a device that may be shared. */
  readonly consumed?: ResourceAmounts;
}

/** What is written into status.allocation. Pure but for `newShareId`. Throws ClaimError. */
export function allocationResult(
  claim: ResourceClaim,
  chosen: readonly Alternative[],
  picks: readonly Pick[],
  node: Node,
  newShareId: () => string,
): AllocationResult {
  const config = configurations(claim, chosen);
  const nodeSelector = selectNodes(claim, picks, node);
  const results = picks.map((pick) => requestResult(pick, newShareId));
  return {
    devices: {
      ...(results.length === 0 ? {} : { results }),
      ...(config.length === 0 ? {} : { config }),
    },
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
  };
}

function requestResult(
  { request, device: { pool, device }, consumed }: Pick,
  newShareId: () => string,
): DeviceRequestAllocationResult {
  const { tolerations } = request;
  const { bindingConditions = [], bindingFailureConditions = [] } = device;
  return {
    request: request.name,
    driver: pool.driver,
    pool: pool.name,
    device: device.name,
    ...(request.adminAccess ? { adminAccess: true } : {}),
    ...(tolerations.length === 0 ? {} : { tolerations: [...tolerations] }),
    ...(bindingConditions.length === 0 ? {} : { bindingConditions: [...bindingConditions] }),
    ...(bindingFailureConditions.length === 0 ? {} : { bindingFailureConditions: [...bindingFailureConditions] }),
    ...(consumed === undefined
      ? {}
      : {
          shareID: newShareId(),
          consumedCapacity: Object.fromEntries(
            Object.entries(consumed).map(([name, amount]) => [name, amount.toString()]),
          ),
        }),
  };
}

/** Of the classes first, so that drivers let the claim's own settings win. */
function configurations(claim: ResourceClaim, chosen: readonly Alternative[]): DeviceAllocationConfiguration[] {
  const ofClasses = chosen.flatMap(({ class: { spec } }) =>
    (spec.config ?? []).map((config): DeviceAllocationConfiguration => ({ source: "FromClass", ...config })),
  );
  const names = new Set(chosen.flatMap(({ name }) => [name, name.split("/")[0] ?? name]));
  const ofClaim = (claim.spec.devices?.config ?? [])
    .filter(({ requests = [] }) => requests.length === 0 || requests.some((name) => names.has(name)))
    .map((config): DeviceAllocationConfiguration => ({ source: "FromClaim", ...config }));
  return [...ofClasses, ...ofClaim];
}

function onlyOn(node: Node): NodeSelector {
  const values = [node.metadata?.name ?? ""];
  return { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values }] }] };
}

/** From which nodes all devices can be reached; undefined: from every node. */
function selectNodes(claim: ResourceClaim, picks: readonly Pick[], node: Node): NodeSelector | undefined {
  const expressions: NodeSelectorRequirement[] = [];
  const fields: NodeSelectorRequirement[] = [];
  const merge = (into: NodeSelectorRequirement[], more: readonly NodeSelectorRequirement[] = []): void => {
    for (const each of more) if (!into.some((known) => isDeepStrictEqual(known, each))) into.push(each);
  };
  for (const { device } of picks) {
    const { nodeName, nodeSelector } = device.reach;
    if (nodeName || device.device.bindsToNode === true) return onlyOn(node);
    const [term, ...more] = nodeSelector?.nodeSelectorTerms ?? [];
    // Several terms are alternatives: they cannot be joined with another device's.
    if (more.length > 0)
      throw new ClaimError(
        `create NodeSelector for claim ${namespacedName(claim)}: unsupported node selector: must have exactly one term`,
      );
    merge(expressions, term?.matchExpressions);
    merge(fields, term?.matchFields);
  }
  if (expressions.length === 0 && fields.length === 0) return undefined;
  return {
    nodeSelectorTerms: [
      {
        ...(expressions.length === 0 ? {} : { matchExpressions: expressions }),
        ...(fields.length === 0 ? {} : { matchFields: fields }),
      },
    ],
  };
}
