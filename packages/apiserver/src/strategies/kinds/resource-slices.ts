import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  Counter,
  Device,
  DeviceAttribute,
  DeviceCapacity,
  ResourceSlice,
  ResourceSliceSpec,
} from "@knots/api/resource/v1";
import { formatTime, Quantity } from "@knots/machinery";
import { semanticEqual } from "../equality.ts";
import { FieldPath, duplicate, forbidden, invalid, required, tooLong, tooMany } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import {
  checkAttributeName,
  checkBindingConditions,
  checkDriver,
  checkItems,
  checkLabel,
  checkPool,
  checkSet,
  checkTaint,
} from "../validation/devices.ts";
import { immutable } from "../validation/metadata.ts";
import { nameIsDNSSubdomain } from "../validation/names.ts";
import { validateNodeSelector } from "../validation/scheduling.ts";

const SPEC = FieldPath.root("spec");
const MAX_DEVICES = 128;
/** Where a device has taints or consumes counters. */
const MAX_ADVANCED_DEVICES = 64;
const MAX_ENTRIES = 32;
const MAX_VALUE = 64;
const MAX_TAINTS = 16;
const MAX_COUNTER_SETS = 8;
const MAX_COUNTERS = 32;
const MAX_CONSUMPTIONS = 2;
const MAX_OPTIONS = 10;
const ZERO = Quantity.parse("0");
const MAX_INT64 = Quantity.parse("9223372036854775807");
const SET_TO_TRUE = "must be either unset or set to true";

interface Placement {
  readonly nodeName?: string;
  readonly nodeSelector?: ResourceSliceSpec["nodeSelector"];
  readonly allNodes?: boolean;
  readonly perDeviceNodeSelection?: boolean;
}

/** Checks where devices are; gives the fields that say so. */
function validatePlacement(
  placement: Placement,
  emptyName: string,
  path: FieldPath,
  errors: FieldError[],
): readonly string[] {
  const { nodeName, nodeSelector } = placement;
  const set: string[] = [];
  if (nodeName === "") errors.push(invalid(path.child("nodeName"), nodeName, emptyName));
  else if (nodeName !== undefined) {
    set.push("`nodeName`");
    for (const message of nameIsDNSSubdomain(nodeName, false)) {
      errors.push(invalid(path.child("nodeName"), nodeName, message));
    }
  }
  if (nodeSelector !== undefined) {
    set.push("`nodeSelector`");
    validateNodeSelector(nodeSelector, path.child("nodeSelector"), errors);
  }
  for (const field of ["allNodes", "perDeviceNodeSelection"] as const) {
    const value = placement[field];
    if (value === true) set.push(`\`${field}\``);
    else if (value === false) errors.push(invalid(path.child(field), value, SET_TO_TRUE));
  }
  return set;
}

function validateSlice({ spec }: ResourceSlice, old?: ResourceSlice): FieldError[] {
  const errors: FieldError[] = [];
  checkDriver(spec?.driver ?? "", SPEC.child("driver"), errors);
  const pool = SPEC.child("pool");
  checkPool(spec?.pool?.name ?? "", pool.child("name"), errors);
  const resourceSliceCount = spec?.pool?.resourceSliceCount ?? 0;
  const generation = spec?.pool?.generation ?? 0;
  if (resourceSliceCount <= 0) {
    errors.push(invalid(pool.child("resourceSliceCount"), resourceSliceCount, "must be greater than zero"));
  }
  if (generation < 0) {
    errors.push(invalid(pool.child("generation"), generation, "must be greater than or equal to zero"));
  }
  if (old !== undefined) {
    immutable(spec?.pool?.name, old.spec?.pool?.name, pool.child("name"), errors);
    immutable(spec?.driver, old.spec?.driver, SPEC.child("driver"), errors);
    immutable(spec?.nodeName, old.spec?.nodeName, SPEC.child("nodeName"), errors);
  }
  if (spec !== undefined) validateContent(spec, old?.spec, errors);
  return errors;
}

function validateContent(spec: ResourceSliceSpec, old: ResourceSliceSpec | undefined, errors: FieldError[]): void {
  const set = validatePlacement(spec, "must be either unset or set to a non-empty string", SPEC, errors);
  const terms = spec.nodeSelector?.nodeSelectorTerms ?? [];
  if (spec.nodeSelector !== undefined && terms.length !== 1) {
    const at = SPEC.child("nodeSelector").child("nodeSelectorTerms");
    errors.push(invalid(at, terms, "must have exactly one node selector term"));
  }
  const one = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  if (set.length === 0) errors.push(required(SPEC, one));
  if (set.length > 1) errors.push(invalid(SPEC, `{${set.join(", ")}}`, `${one}, but multiple fields are set`));
  if (spec.sharedCounters !== undefined && spec.devices !== undefined) {
    errors.push(invalid(SPEC, "", "only one of `sharedCounters` or `devices` is allowed"));
  }
  const devices = spec.devices ?? [];
  const advanced = devices.some(
    ({ taints = [], consumesCounters = [] }) => taints.length > 0 || consumesCounters.length > 0,
  );
  const before = new Map((old?.devices ?? []).map((device) => [device.name, device]));
  checkSet(
    devices,
    advanced ? MAX_ADVANCED_DEVICES : MAX_DEVICES,
    SPEC.child("devices"),
    errors,
    (device, at) => {
      validateDevice(device, before.get(device.name), at, errors);
      validateDevicePlacement(device, spec.perDeviceNodeSelection === true, at, errors);
    },
    ({ name }) => name,
  );
  checkSet(
    spec.sharedCounters,
    MAX_COUNTER_SETS,
    SPEC.child("sharedCounters"),
    errors,
    ({ name, counters }, at) => {
      if (name === "") errors.push(required(at.child("name")));
      else checkLabel(name, at.child("name"), errors);
      validateCounters(counters, at.child("counters"), errors);
    },
    ({ name }) => name,
  );
}

function validateCounters(
  counters: Readonly<Record<string, Counter>> | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const names = Object.keys(counters ?? {});
  if (names.length === 0) errors.push(required(path));
  else if (names.length > MAX_COUNTERS) errors.push(tooMany(path, names.length, MAX_COUNTERS));
  else for (const name of names) checkLabel(name, path, errors);
}

function validateDevicePlacement(device: Device, perDevice: boolean, path: FieldPath, errors: FieldError[]): void {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!perDevice) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return;
    const why =
      "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    errors.push(invalid(path, null, why));
    return;
  }
  const placement = {
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(allNodes === undefined ? {} : { allNodes }),
  };
  const set = validatePlacement(placement, "must not be empty", path, errors);
  const one =
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
  if (set.length === 0) errors.push(required(path, one));
  if (set.length > 1) errors.push(invalid(path, `{${set.join(", ")}}`, one));
}

function validateDevice(device: Device, old: Device | undefined, path: FieldPath, errors: FieldError[]): void {
  checkLabel(device.name, path.child("name"), errors);
  const attributes = Object.entries(device.attributes ?? {});
  const capacity = Object.entries(device.capacity ?? {});
  const count = attributes.length + capacity.length;
  if (count > MAX_ENTRIES) {
    const why = `the total number of attributes and capacities must not exceed ${MAX_ENTRIES}`;
    errors.push(invalid(path, count, why));
  }
  for (const [name, attribute] of attributes) {
    checkAttributeName(name, path.child("attributes"), errors);
    validateAttribute(attribute, path.child("attributes").key(shorten(name)), errors);
  }
  if (old === undefined || !semanticEqual(old.capacity, device.capacity)) {
    const shared = device.allowMultipleAllocations === true;
    for (const [name, value] of capacity) {
      checkAttributeName(name, path.child("capacity"), errors);
      validateCapacity(value, shared, path.child("capacity").key(shorten(name)), errors);
    }
  }
  if (old === undefined || !semanticEqual(old.taints, device.taints)) {
    checkItems(device.taints, MAX_TAINTS, path.child("taints"), errors, checkTaint);
  }
  checkSet(
    device.consumesCounters,
    MAX_CONSUMPTIONS,
    path.child("consumesCounters"),
    errors,
    ({ counterSet, counters }, at) => {
      if (counterSet === "") errors.push(required(at.child("counterSet")));
      else checkLabel(counterSet, at.child("counterSet"), errors);
      validateCounters(counters, at.child("counters"), errors);
    },
    ({ counterSet }) => counterSet,
  );
  checkBindingConditions(device, path, errors);
}

/** Of a name that is too long the ends. */
function shorten(name: string): string {
  const most = 63 + 1 + 32;
  if (name.length <= most) return name;
  const rest = most - "...".length;
  return `${name.slice(0, Math.floor((rest + 1) / 2))}...${name.slice(name.length - Math.floor(rest / 2))}`;
}

const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

function validateAttribute(attribute: DeviceAttribute, path: FieldPath, errors: FieldError[]): void {
  const { string, version } = attribute;
  if (string !== undefined) checkLength(string, path.child("string"), errors);
  if (version !== undefined) {
    const at = path.child("version");
    if (!SEMVER.test(version)) {
      errors.push(invalid(at, version, "must be a string compatible with semver.org spec 2.0.0"));
    }
    checkLength(version, at, errors);
  }
  const set = Object.values(attribute).filter((value) => value !== undefined);
  if (set.length !== 1) {
    errors.push(invalid(path, set.length === 0 ? "" : attribute, "exactly one value must be specified"));
  }
}

function checkLength(value: string, path: FieldPath, errors: FieldError[]): void {
  if (Buffer.byteLength(value) > MAX_VALUE) errors.push(tooLong(path, value, MAX_VALUE));
}

function validateCapacity(
  { value, requestPolicy }: DeviceCapacity,
  shared: boolean,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (requestPolicy === undefined) return;
  const at = path.child("requestPolicy");
  if (shared) validatePolicy(Quantity.parse(value), requestPolicy, at, errors);
  else errors.push(forbidden(at, "allowMultipleAllocations must be true"));
}

function validatePolicy(
  most: Quantity,
  { default: usual, validValues = [], validRange }: CapacityRequestPolicy,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (validValues.length > 0 && validRange !== undefined) {
    const why = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    errors.push(forbidden(path, why));
  } else if (validValues.length > 0) {
    if (usual === undefined) errors.push(required(path.child("default"), "required when validValues is defined"));
    else validateValues(most, usual, validValues, path.child("validValues"), errors);
  } else if (validRange !== undefined) {
    if (usual === undefined) errors.push(required(path.child("default"), "required when validRange is defined"));
    else validateRange(most, usual, validRange, path.child("validRange"), errors);
  }
}

function validateValues(
  most: Quantity,
  usual: string,
  values: readonly string[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const parsed = values.map((each) => Quantity.parse(each));
  for (const [i, each] of parsed.entries()) {
    const before = parsed[i - 1];
    if (before === undefined || before.cmp(each) <= 0) continue;
    errors.push(invalid(path.index(i), values[i], "values must be sorted in ascending order"));
  }
  if (values.length > MAX_OPTIONS) errors.push(tooMany(path, values.length, MAX_OPTIONS));
  else {
    for (const [i, each] of parsed.entries()) {
      if (each.cmp(most) > 0) {
        errors.push(invalid(path.index(i), values[i], `option is larger than capacity value: ${most.toString()}`));
      }
    }
    for (const [i, each] of parsed.entries()) {
      const first = parsed.findIndex((other) => unitsOf(other) === unitsOf(each));
      if (first < i) errors.push(duplicate(path.index(i), String(unitsOf(each))));
    }
  }
  if (!parsed.some((each) => each.cmp(Quantity.parse(usual)) === 0)) {
    errors.push(invalid(path, usual, "default value is not valid according to the requestPolicy"));
  }
}

/** Whole units, rounded up. */
const unitsOf = (quantity: Quantity): bigint => quantity.asInt64() ?? BigInt(quantity.value());

function validateRange(
  most: Quantity,
  usual: string,
  { min, max, step }: Partial<CapacityRequestPolicyRange>,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (min === undefined) {
    errors.push(required(path.child("min"), "required when validRange is defined"));
    return;
  }
  const low = Quantity.parse(min);
  const standard = Quantity.parse(usual);
  const capacity = `larger than capacity value: ${most.toString()}`;
  if (low.cmp(most) > 0) errors.push(invalid(path.child("min"), min, `min is ${capacity}`));
  if (standard.cmp(low) < 0) errors.push(invalid(path.child("default"), usual, `default is less than min: ${min}`));
  if (max !== undefined) {
    const high = Quantity.parse(max);
    if (low.cmp(high) > 0) errors.push(invalid(path.child("max"), min, `min is larger than max: ${max}`));
    if (high.cmp(most) > 0) errors.push(invalid(path.child("max"), max, `max is ${capacity}`));
    if (standard.cmp(high) > 0) errors.push(invalid(path.child("default"), usual, `default is more than max: ${max}`));
  }
  if (step !== undefined) validateStep(most, { default: usual, min, max, step }, path, errors);
}

function validateStep(
  most: Quantity,
  bounds: { readonly default: string; readonly min: string; readonly max: string | undefined; readonly step: string },
  path: FieldPath,
  errors: FieldError[],
): void {
  const { min, step } = bounds;
  const at = path.child("step");
  const width = Quantity.parse(step);
  if (width.cmp(ZERO) <= 0) {
    errors.push(invalid(at, step, "must be greater than zero"));
    return;
  }
  const low = Quantity.parse(min);
  const first = low.add(width);
  if (first.cmp(most) > 0) {
    const why = `one step ${first.toString()} is larger than capacity value: ${most.toString()}`;
    errors.push(invalid(at, step, why));
  }
  // Whole numbers of 64 bits are what steps are counted in.
  let countable = true;
  for (const [name, text] of Object.entries(bounds)) {
    if (text === undefined) continue;
    const value = Quantity.parse(text);
    const why =
      value.cmp(ZERO) < 0
        ? "must be greater than or equal to 0"
        : value.cmp(MAX_INT64) > 0
          ? "must not be larger than 9223372036854775807"
          : undefined;
    if (why === undefined) continue;
    errors.push(invalid(path.child(name), text, why));
    countable = false;
  }
  if (!countable) return;
  for (const text of [bounds.default, bounds.max]) {
    if (text === undefined) continue;
    if ((unitsOf(Quantity.parse(text)) - unitsOf(low)) % unitsOf(width) === 0n) continue;
    errors.push(invalid(at, text, `value is not a multiple of a given step (${step}) from (${min})`));
  }
}

/** A taint that does not say since when it is there is there from now on: tolerationSeconds count from then. */
function stampTaints({ spec }: ResourceSlice, now: number): void {
  for (const device of spec?.devices ?? [])
    for (const taint of device.taints ?? []) taint.timeAdded ??= formatTime(new Date(now));
}

export const resourceSliceStrategy: Strategy<ResourceSlice> = {
  prepareForCreate: (slice, { now }) => stampTaints(slice, now),
  prepareForUpdate: (slice, _old, { now }) => stampTaints(slice, now),
  validate: (slice) => validateSlice(slice),
  validateUpdate: validateSlice,
  fieldLabels: ({ spec }) => ({ "spec.nodeName": spec?.nodeName ?? "", "spec.driver": spec?.driver ?? "" }),
};
