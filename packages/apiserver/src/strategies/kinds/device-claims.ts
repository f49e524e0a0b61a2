import { namespaces } from "@knots/api/core/v1";
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceClaim,
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  NetworkDeviceData,
  ResourceClaim,
  ResourceClaimStatus,
  ResourceClaimTemplate,
} from "@knots/api/resource/v1";
import { isExtendedResourceName } from "@knots/machinery";
import { validateConditions } from "../validation/conditions.ts";
import { canonicalInterfaceAddress } from "../../registry/services/ip-range.ts";
import { defaultResourceClaim, defaultResourceClaimTemplate } from "../defaults/policies.ts";
import { semanticEqual } from "../equality.ts";
import { FieldPath, forbidden, invalid, notSupported, required, tooLong, tooMany } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy, StrategyContext } from "../types.ts";
import {
  checkBindingConditions,
  checkConfiguration,
  checkDriver,
  checkFullAttributeName,
  checkItems,
  checkLabel,
  checkPool,
  checkRaw,
  checkSelectors,
  checkSet,
  checkSubdomain,
  checkTolerations,
  checkUid,
} from "../validation/devices.ts";
import { immutable, validateAnnotations, validateLabels } from "../validation/metadata.ts";
import { validateNodeSelector } from "../validation/scheduling.ts";

const SPEC = FieldPath.root("spec");
const STATUS = FieldPath.root("status");
/** Requests, constraints, configurations, and results. */
const MAX_ITEMS = 32;
const MAX_SUBREQUESTS = 8;
const MAX_CONSUMERS = 256;
const MAX_CONDITIONS = 8;
const MAX_DATA = 10 * 1024;
const MAX_IPS = 16;
const ADMIN_LABEL = "resource.kubernetes.io/admin-access";
const MODES = ["All", "ExactCount"];

/** Names of requests, and of the subrequests of each. */
type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;

function requestNames({ requests = [] }: DeviceClaim): RequestNames {
  return new Map(
    requests.map(({ name, firstAvailable = [] }) => [name, new Set(firstAvailable.map((each) => each.name))]),
  );
}

function validateDevices(devices: DeviceClaim, path: FieldPath, errors: FieldError[]): void {
  const names = requestNames(devices);
  const nameOf = ({ name }: { readonly name: string }): string => name;
  checkSet(devices.requests, MAX_ITEMS, path.child("requests"), errors, validateRequest, nameOf);
  checkItems(devices.constraints, MAX_ITEMS, path.child("constraints"), errors, (constraint, at) =>
    validateConstraint(constraint, names, at, errors),
  );
  checkItems(devices.config, MAX_ITEMS, path.child("config"), errors, (config, at) => {
    checkReferences(config.requests, names, at.child("requests"), errors);
    checkConfiguration(config, at, errors);
  });
}

function validateRequest(
  { name, exactly, firstAvailable = [] }: DeviceRequest,
  path: FieldPath,
  errors: FieldError[],
): void {
  checkLabel(name, path.child("name"), errors);
  if (exactly === undefined && firstAvailable.length === 0) {
    errors.push(required(path, "exactly one of `exactly` or `firstAvailable` is required"));
  } else if (exactly !== undefined && firstAvailable.length > 0) {
    const why = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
    errors.push(invalid(path, null, why));
  } else if (exactly !== undefined) validateWanted(exactly, path.child("exactly"), errors);
  else {
    checkSet(
      firstAvailable,
      MAX_SUBREQUESTS,
      path.child("firstAvailable"),
      errors,
      (each, at) => {
        checkLabel(each.name, at.child("name"), errors);
        validateWanted(each, at, errors);
      },
      (each) => each.name,
    );
  }
}

function validateWanted(wanted: ExactDeviceRequest | DeviceSubRequest, path: FieldPath, errors: FieldError[]): void {
  const { deviceClassName, allocationMode = "", count = 0 } = wanted;
  if (deviceClassName === "") errors.push(required(path.child("deviceClassName")));
  else checkSubdomain(deviceClassName, path.child("deviceClassName"), errors);
  checkSelectors(wanted.selectors, path.child("selectors"), errors);
  const at = path.child("count");
  if (allocationMode === "All") {
    if (count !== 0) errors.push(invalid(at, count, "must not be specified when allocationMode is 'All'"));
  } else if (allocationMode === "ExactCount") {
    if (count <= 0) errors.push(invalid(at, count, "must be greater than zero"));
  } else errors.push(notSupported(path.child("allocationMode"), allocationMode, MODES));
  checkTolerations(wanted.tolerations, path.child("tolerations"), errors);
}

function validateConstraint(
  { requests, matchAttribute, distinctAttribute }: DeviceConstraint,
  names: RequestNames,
  path: FieldPath,
  errors: FieldError[],
): void {
  checkReferences(requests, names, path.child("requests"), errors);
  if (matchAttribute !== undefined) checkFullAttributeName(matchAttribute, path.child("matchAttribute"), errors);
  else if (distinctAttribute !== undefined) {
    checkFullAttributeName(distinctAttribute, path.child("distinctAttribute"), errors);
  } else {
    const why = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
    errors.push(required(path, why));
  }
}

function checkReferences(
  references: readonly string[] | undefined,
  names: RequestNames,
  path: FieldPath,
  errors: FieldError[],
): void {
  const check = (name: string, at: FieldPath): void => checkReference(name, names, at, errors);
  checkSet(references, MAX_ITEMS, path, errors, check, (name) => name);
}

const UNKNOWN_REQUEST =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

function checkReference(name: string, names: RequestNames, path: FieldPath, errors: FieldError[]): void {
  const [request = "", subrequest, ...more] = name.split("/");
  if (more.length === 0) {
    checkLabel(request, path, errors);
    if (subrequest !== undefined) checkLabel(subrequest, path, errors);
    const known = names.get(request);
    if (known !== undefined && (subrequest === undefined || known.has(subrequest))) return;
  }
  errors.push(invalid(path, name, UNKNOWN_REQUEST));
}

/** Who may look into all devices is decided by who may label the namespace. */
function checkAdminAccess(granted: boolean, path: FieldPath, { objects, namespace }: StrategyContext): FieldError[] {
  if (!granted || objects.get(namespaces, undefined, namespace)?.metadata?.labels?.[ADMIN_LABEL] === "true") return [];
  const why = `admin access to devices requires the \`${ADMIN_LABEL}: true\` label on the containing namespace`;
  return [forbidden(path, why)];
}

const wantsAdminAccess = ({ requests = [] }: DeviceClaim): boolean =>
  requests.some(({ exactly }) => exactly?.adminAccess === true);

function validateClaimStatus(next: ResourceClaim, old: ResourceClaim, ctx: StrategyContext): FieldError[] {
  const errors: FieldError[] = [];
  const status = next.status ?? {};
  const before = old.status ?? {};
  validateConsumers(next, status, before, errors);
  validateDeviceStatuses(status, errors);
  const at = STATUS.child("allocation");
  const { allocation } = status;
  if (allocation !== undefined && before.allocation !== undefined) {
    immutable(allocation, before.allocation, at, errors);
  } else if (allocation !== undefined) {
    validateAllocation(allocation, requestNames(next.spec?.devices ?? {}), at, errors);
  }
  const admin = (result: ResourceClaimStatus): number =>
    (result.allocation?.devices?.results ?? []).findIndex(({ adminAccess }) => adminAccess === true);
  const first = admin(status);
  if (first < 0 || admin(before) >= 0) return errors;
  const where = at.child("devices").child("results").index(first).child("adminAccess");
  return [...errors, ...checkAdminAccess(true, where, ctx)];
}

function validateConsumers(
  claim: ResourceClaim,
  { reservedFor = [], allocation }: ResourceClaimStatus,
  before: ResourceClaimStatus,
  errors: FieldError[],
): void {
  const at = STATUS.child("reservedFor");
  checkSet(
    reservedFor,
    MAX_CONSUMERS,
    at,
    errors,
    (consumer, path) => {
      for (const field of ["resource", "name", "uid"] as const) {
        if (consumer[field] === "") errors.push(required(path.child(field)));
      }
    },
    ({ uid }) => uid,
  );
  if (reservedFor.length === 0) return;
  if (allocation === undefined) {
    errors.push(forbidden(at, "may not be specified when `allocated` is not set"));
  } else if (claim.metadata?.deletionTimestamp !== undefined) {
    const known = before.reservedFor ?? [];
    if (reservedFor.every((each) => known.some((other) => semanticEqual(each, other)))) return;
    const why = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
    errors.push(forbidden(at, why));
  }
}

/** "driver/pool/device", and the share of it. */
const deviceId = (each: { driver: string; pool: string; device: string; shareID?: string }): string =>
  `${each.driver}/${each.pool}/${each.device}${each.shareID === undefined ? "" : `/${each.shareID}`}`;

function validateDeviceStatuses({ allocation, devices }: ResourceClaimStatus, errors: FieldError[]): void {
  const allocated = new Set((allocation?.devices?.results ?? []).map(deviceId));
  const most = Number.POSITIVE_INFINITY;
  checkSet(
    devices,
    most,
    STATUS.child("devices"),
    errors,
    (device, at) => validateDeviceStatus(device, allocated, at, errors),
    deviceId,
  );
}

function validateDeviceStatus(
  device: AllocatedDeviceStatus,
  allocated: ReadonlySet<string>,
  path: FieldPath,
  errors: FieldError[],
): void {
  checkDriver(device.driver, path.child("driver"), errors);
  checkPool(device.pool, path.child("pool"), errors);
  checkLabel(device.device, path.child("device"), errors);
  if (device.shareID !== undefined) checkUid(device.shareID, path.child("shareID"), errors);
  const id = deviceId(device);
  if (!allocated.has(id)) errors.push(invalid(path, id, "must be an allocated device in the claim"));
  const { conditions = [] } = device;
  if (conditions.length > MAX_CONDITIONS) {
    errors.push(tooMany(path.child("conditions"), conditions.length, MAX_CONDITIONS));
  }
  validateConditions(conditions, path.child("conditions"), errors);
  if (device.data !== undefined) checkRaw(device.data, path.child("data"), MAX_DATA, errors);
  if (device.networkData !== undefined) validateNetworkData(device.networkData, path.child("networkData"), errors);
}

function validateNetworkData(data: NetworkDeviceData, path: FieldPath, errors: FieldError[]): void {
  for (const [field, most] of [
    ["interfaceName", 256],
    ["hardwareAddress", 128],
  ] as const) {
    const value = data[field] ?? "";
    if (Buffer.byteLength(value) > most) errors.push(tooLong(path.child(field), value, most));
  }
  const check = (address: string, at: FieldPath): void => {
    const canonical = canonicalInterfaceAddress(address);
    if (canonical === undefined) {
      const why = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
      errors.push(invalid(at, address, why));
    } else if (canonical !== address) {
      errors.push(invalid(at, address, `must be in canonical form (${JSON.stringify(canonical)})`));
    }
  };
  checkSet(data.ips, MAX_IPS, path.child("ips"), errors, check, (address) => address);
}

function validateAllocation(
  { devices = {}, nodeSelector }: AllocationResult,
  names: RequestNames,
  path: FieldPath,
  errors: FieldError[],
): void {
  const at = path.child("devices");
  checkItems(devices.results, MAX_ITEMS, at.child("results"), errors, (result, each) => {
    checkReference(result.request, names, each.child("request"), errors);
    checkDriver(result.driver, each.child("driver"), errors);
    checkPool(result.pool, each.child("pool"), errors);
    checkLabel(result.device, each.child("device"), errors);
    checkBindingConditions(result, each, errors);
    checkTolerations(result.tolerations, each.child("tolerations"), errors);
    if (result.shareID !== undefined) checkUid(result.shareID, each.child("shareID"), errors);
  });
  // Those of the class and those of the claim.
  checkItems(devices.config, 2 * MAX_ITEMS, at.child("config"), errors, (config, each) => {
    const { source } = config;
    if (source === "") errors.push(required(each.child("source")));
    else if (source !== "FromClaim" && source !== "FromClass") {
      errors.push(notSupported(each.child("source"), source, ["FromClaim", "FromClass"]));
    }
    checkReferences(config.requests, names, each.child("requests"), errors);
    checkConfiguration(config, each, errors);
  });
  if (nodeSelector !== undefined) validateNodeSelector(nodeSelector, path.child("nodeSelector"), errors);
}

export const resourceClaimStrategy: Strategy<ResourceClaim> = {
  defaults: defaultResourceClaim,
  validate({ spec }, ctx) {
    const devices = spec?.devices ?? {};
    const errors: FieldError[] = [];
    validateDevices(devices, SPEC.child("devices"), errors);
    return [...errors, ...checkAdminAccess(wantsAdminAccess(devices), FieldPath.root(""), ctx)];
  },
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    immutable(next.spec, old.spec, SPEC, errors);
    return errors;
  },
  subresources: { status: { validateUpdate: validateClaimStatus } },
};

export const resourceClaimTemplateStrategy: Strategy<ResourceClaimTemplate> = {
  defaults: defaultResourceClaimTemplate,
  validate({ spec }, ctx) {
    const metadata = spec?.metadata;
    const devices = spec?.spec?.devices ?? {};
    const errors: FieldError[] = [];
    const at = SPEC.child("metadata");
    validateAnnotations(metadata?.annotations, at.child("annotations"), errors);
    validateLabels(metadata?.labels, at.child("labels"), errors);
    validateDevices(devices, SPEC.child("spec").child("devices"), errors);
    return [...errors, ...checkAdminAccess(wantsAdminAccess(devices), FieldPath.root(""), ctx)];
  },
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    immutable(next.spec, old.spec, SPEC, errors);
    return errors;
  },
};

function validateClass({ spec = {} }: Partial<DeviceClass>, old?: DeviceClass): FieldError[] {
  const errors: FieldError[] = [];
  const stored = (field: "selectors" | "config"): boolean =>
    old !== undefined && semanticEqual(spec[field], old.spec?.[field]);
  checkSelectors(spec.selectors, SPEC.child("selectors"), errors, stored("selectors"));
  checkItems(spec.config, MAX_ITEMS, SPEC.child("config"), errors, (config, at) =>
    checkConfiguration(config, at, errors, stored("config")),
  );
  const name = spec.extendedResourceName;
  if (name !== undefined && !isExtendedResourceName(name)) {
    errors.push(invalid(SPEC.child("extendedResourceName"), name, "must be a valid extended resource name"));
  }
  return errors;
}

export const deviceClassStrategy: Strategy<DeviceClass> = {
  validate: (deviceClass) => validateClass(deviceClass),
  validateUpdate: validateClass,
};
