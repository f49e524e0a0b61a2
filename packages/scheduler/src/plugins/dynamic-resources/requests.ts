import type {
  CapacityRequirements,
  DeviceClass,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  DeviceToleration,
  ExactDeviceRequest,
  ResourceClaim,
} from "@knots/api/resource/v1";
import { namespacedName } from "@knots/machinery";

/** One way to satisfy a request: the request itself, or one of its `firstAvailable`. */
export interface Alternative {
  /** "main", or "main/sub": what results, constraints and configurations call it. */
  readonly name: string;
  readonly class: DeviceClass;
  readonly selectors: readonly DeviceSelector[];
  readonly all: boolean;
  /** Where not `all`: how many devices. */
  readonly count: number;
  readonly adminAccess: boolean;
  readonly tolerations: readonly DeviceToleration[];
  readonly capacity: CapacityRequirements | undefined;
}

/** Nothing can be allocated for the claim, on any node, before somebody changes the claim or its class. */
export class ClaimError extends Error {
  override readonly name = "ClaimError";
}

export type ClassOf = (name: string) => DeviceClass | undefined;

/** The alternatives of each request of a claim, in the order in which they are tried. Throws ClaimError. */
export function alternativesOf(claim: ResourceClaim, classOf: ClassOf): Alternative[][] {
  return (claim.spec.devices?.requests ?? []).map((request) => readRequest(claim, request, classOf));
}

function readRequest(claim: ResourceClaim, request: DeviceRequest, classOf: ClassOf): Alternative[] {
  const { name, exactly, firstAvailable = [] } = request;
  if (exactly !== undefined) return [readAlternative(claim, name, exactly, classOf)];
  if (firstAvailable.length === 0) throw new ClaimError(`${at(claim, name)}: unsupported request type`);
  return firstAvailable.map((each) => readAlternative(claim, `${name}/${each.name}`, each, classOf));
}

function readAlternative(
  claim: ResourceClaim,
  name: string,
  request: ExactDeviceRequest | DeviceSubRequest,
  classOf: ClassOf,
): Alternative {
  const { deviceClassName, selectors = [], tolerations = [], capacity, count = 1 } = request;
  const where = at(claim, name);
  const unknown = selectors.findIndex(({ cel }) => cel === undefined);
  if (unknown >= 0)
    throw new ClaimError(`${where}, selector #${unknown}: CEL expression empty (unsupported selector type?)`);
  if (!deviceClassName) throw new ClaimError(`${where}: missing device class name (unsupported request type?)`);
  const deviceClass = classOf(deviceClassName);
  if (deviceClass === undefined)
    throw new ClaimError(`${where}: could not retrieve device class ${deviceClassName}: not found`);
  const mode = request.allocationMode ?? "ExactCount";
  if (mode !== "ExactCount" && mode !== "All") throw new ClaimError(`${where}: unsupported count mode ${mode}`);
  return {
    name,
    class: deviceClass,
    selectors,
    all: mode === "All",
    count,
    adminAccess: "adminAccess" in request && request.adminAccess === true,
    tolerations,
    capacity,
  };
}

/** "claim ns/name, request main/sub". */
export function at(claim: ResourceClaim, request: string): string {
  return `claim ${namespacedName(claim)}, request ${request}`;
}
