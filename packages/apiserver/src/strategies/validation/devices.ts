// What claims of devices and their classes share: https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
import type {
  CELDeviceSelector,
  DeviceConfiguration,
  DeviceSelector,
  DeviceToleration,
  OpaqueDeviceConfiguration,
} from "@knots/api/resource/v1";
import { CompileError, InstantiationError, compile, types } from "@knots/cel";
import { DEVICE_SELECTORS, maxSelectorCost } from "@knots/cel/library/devices";
import { isDNS1123Label, isDNS1123Subdomain, isQualifiedName, isValidLabelValue } from "@knots/machinery";
import { duplicate, forbidden, invalid, notSupported, required, tooLong, tooMany } from "../field.ts";
import type { FieldError, FieldPath } from "../field.ts";

const MAX_DRIVER_NAME = 63;
const MAX_POOL_NAME = 253;
const MAX_ID = 32;
const MAX_SELECTORS = 32;
const MAX_EXPRESSION = 10 * 1024;
const MAX_SELECTOR_COST = 1_000_000;
const MAX_PARAMETERS = 10 * 1024;
const MAX_CONDITIONS = 4;
const TAINT_EFFECTS = ["NoExecute", "NoSchedule", "None"];

type Check = (value: string, path: FieldPath, errors: FieldError[]) => void;

const checkOf =
  (messages: (value: string) => string[]): Check =>
  (value, path, errors) => {
    for (const message of messages(value)) errors.push(invalid(path, value, message));
  };

export const checkLabel = checkOf(isDNS1123Label);
export const checkSubdomain = checkOf(isDNS1123Subdomain);
export const checkQualified = checkOf(isQualifiedName);
const checkLabelValue = checkOf(isValidLabelValue);

/** A driver's name, by the rules of CSI drivers. */
export const checkDriver: Check = (name, path, errors) => {
  if (name === "") errors.push(required(path));
  if (name.length > MAX_DRIVER_NAME) errors.push(tooLong(path, name, MAX_DRIVER_NAME));
  for (const message of isDNS1123Subdomain(name.toLowerCase())) errors.push(invalid(path, name, message));
};

export const checkPool: Check = (name, path, errors) => {
  if (name === "") {
    errors.push(required(path));
    return;
  }
  if (name.length > MAX_POOL_NAME) errors.push(tooLong(path, name, MAX_POOL_NAME));
  for (const part of name.split("/")) checkSubdomain(part, path, errors);
};

const C_IDENTIFIER =
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";

function checkIdentifier(id: string, path: FieldPath, errors: FieldError[]): void {
  if (id.length > MAX_ID) errors.push(tooLong(path, id, MAX_ID));
  if (!/^[A-Za-z_]\w*$/.test(id)) errors.push(invalid(path, id, C_IDENTIFIER));
}

/** "name", or "domain/name". */
export const checkAttributeName: Check = (name, path, errors) => {
  const [first = "", second, ...more] = name.split("/");
  if (more.length > 0) {
    errors.push(invalid(path, name, "must not contain more than one slash"));
    return;
  }
  if (second === undefined) {
    checkIdentifier(first, path, errors);
    return;
  }
  if (first === "") errors.push(invalid(path, "", "the domain must not be empty"));
  else checkDriver(first, path, errors);
  if (second === "") errors.push(invalid(path, "", "the name must not be empty"));
  else checkIdentifier(second, path, errors);
};

export const checkFullAttributeName: Check = (name, path, errors) => {
  checkAttributeName(name, path, errors);
  if (!name.includes("/")) {
    errors.push(invalid(path, name, "a fully qualified name must be a domain and a name separated by a slash"));
  }
};

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const checkUid: Check = (uid, path, errors) => {
  if (UUID.test(uid)) return;
  const why = UUID.test(uid.toLowerCase())
    ? "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters"
    : `error validating uid: ${uid.length === 36 ? "invalid UUID format" : `invalid UUID length: ${uid.length}`}`;
  errors.push(invalid(path, uid, why));
};

/** Each item, unless there are too many: then that is all that is said. */
export function checkItems<T>(
  items: readonly T[] | undefined,
  most: number,
  path: FieldPath,
  errors: FieldError[],
  check: (item: T, path: FieldPath, errors: FieldError[]) => void,
): boolean {
  const list = items ?? [];
  if (list.length > most) {
    errors.push(tooMany(path, list.length, most));
    return false;
  }
  for (const [i, item] of list.entries()) check(item, path.index(i), errors);
  return true;
}

/** The same; no two may have one key. */
export function checkSet<T>(
  items: readonly T[] | undefined,
  most: number,
  path: FieldPath,
  errors: FieldError[],
  check: (item: T, path: FieldPath, errors: FieldError[]) => void,
  keyOf: (item: T) => string,
  shown: (item: T) => unknown = keyOf,
): void {
  if (!checkItems(items, most, path, errors, check)) return;
  const seen = new Set<string>();
  for (const [i, item] of (items ?? []).entries()) {
    const key = keyOf(item);
    if (seen.has(key)) errors.push(duplicate(path.index(i), shown(item)));
    seen.add(key);
  }
}

function checkExpression({ expression }: CELDeviceSelector, path: FieldPath, errors: FieldError[]): void {
  if (Buffer.byteLength(expression) > MAX_EXPRESSION) {
    errors.push(tooLong(path, expression, MAX_EXPRESSION));
    return;
  }
  try {
    const program = compile(expression, DEVICE_SELECTORS);
    const { kind } = program.type;
    if (kind !== "bool" && kind !== "dyn") {
      const why = `must evaluate to bool or the unknown type, not ${types.formatType(program.type)}`;
      errors.push(invalid(path, expression, why));
    } else if (maxSelectorCost(program) > MAX_SELECTOR_COST) {
      errors.push(forbidden(path, "too complex, exceeds cost limit"));
    }
  } catch (error) {
    if (!(error instanceof CompileError) && !(error instanceof InstantiationError)) throw error;
    errors.push(invalid(path, expression, `compilation failed: ${error.message}`));
  }
}

/** `stored`: they were valid when they were written, and are not looked at again. */
export function checkSelectors(
  selectors: readonly DeviceSelector[] | undefined,
  path: FieldPath,
  errors: FieldError[],
  stored = false,
): void {
  checkItems(selectors, MAX_SELECTORS, path, errors, ({ cel }, at) => {
    if (cel === undefined) errors.push(required(at.child("cel")));
    else if (!stored) checkExpression(cel, at.child("cel").child("expression"), errors);
  });
}

export function checkConfiguration(
  { opaque }: DeviceConfiguration,
  path: FieldPath,
  errors: FieldError[],
  stored = false,
): void {
  if (opaque === undefined) errors.push(required(path.child("opaque")));
  else checkOpaque(opaque, path.child("opaque"), errors, stored);
}

function checkOpaque(
  { driver, parameters }: OpaqueDeviceConfiguration,
  path: FieldPath,
  errors: FieldError[],
  stored: boolean,
): void {
  checkDriver(driver, path.child("driver"), errors);
  checkRaw(parameters, path.child("parameters"), MAX_PARAMETERS, errors, stored);
}

/** An object that somebody else understands. */
export function checkRaw(value: unknown, path: FieldPath, most: number, errors: FieldError[], stored = false): void {
  if (value === undefined || value === null) errors.push(required(path));
  else if (!stored && Buffer.byteLength(JSON.stringify(value)) > most) errors.push(tooLong(path, value, most));
  else if (typeof value !== "object" || Array.isArray(value)) {
    errors.push(invalid(path, "<value omitted>", "must be a valid JSON object"));
  }
}

export function checkTolerations(
  tolerations: readonly DeviceToleration[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  for (const [i, { key = "", operator = "", value = "", effect = "" }] of (tolerations ?? []).entries()) {
    const at = path.index(i);
    if (key !== "") checkQualified(key, at.child("key"), errors);
    if (operator === "Exists") {
      if (value !== "") errors.push(invalid(at.child("value"), value, "must be empty for operator `Exists`"));
    } else if (operator === "Equal") checkLabelValue(value, at.child("value"), errors);
    else if (operator === "") errors.push(required(at.child("operator")));
    else errors.push(notSupported(at.child("operator"), operator, ["Equal", "Exists"]));
    if (effect !== "") checkEffect(effect, at.child("effect"), errors);
  }
}

export function checkTaint(
  { key, value = "", effect }: { readonly key: string; readonly value?: string; readonly effect: string },
  path: FieldPath,
  errors: FieldError[],
): void {
  checkQualified(key, path.child("key"), errors);
  if (value !== "") checkLabelValue(value, path.child("value"), errors);
  if (effect === "") errors.push(required(path.child("effect")));
  else checkEffect(effect, path.child("effect"), errors);
}

function checkEffect(effect: string, path: FieldPath, errors: FieldError[]): void {
  if (!TAINT_EFFECTS.includes(effect)) errors.push(notSupported(path, effect, TAINT_EFFECTS));
}

/** Conditions that binding waits for, and those that end it: none without the other, none in both. */
export function checkBindingConditions(
  { bindingConditions = [], bindingFailureConditions = [] }: BindingConditions,
  path: FieldPath,
  errors: FieldError[],
): void {
  const binding = path.child("bindingConditions");
  const failure = path.child("bindingFailureConditions");
  checkItems(bindingConditions, MAX_CONDITIONS, binding, errors, checkQualified);
  checkItems(bindingFailureConditions, MAX_CONDITIONS, failure, errors, checkQualified);
  const repeated = (list: readonly string[], at: FieldPath, and?: (condition: string, at: FieldPath) => void): void => {
    for (const [i, condition] of list.entries()) {
      if (list.indexOf(condition) < i) errors.push(duplicate(at.index(i), condition));
      and?.(condition, at.index(i));
    }
  };
  repeated(bindingConditions, binding);
  repeated(bindingFailureConditions, failure, (condition, at) => {
    if (!bindingConditions.includes(condition)) return;
    errors.push(invalid(at, condition, "bindingFailureConditions must not overlap with bindingConditions"));
  });
  if (bindingConditions.length === 0 && bindingFailureConditions.length > 0) {
    const why = "bindingConditions are required to use bindingFailureConditions";
    errors.push(invalid(binding, bindingConditions, why));
  }
  if (bindingFailureConditions.length === 0 && bindingConditions.length > 0) {
    const why = "bindingFailureConditions are required to use bindingConditions";
    errors.push(invalid(failure, bindingFailureConditions, why));
  }
}

interface BindingConditions {
  readonly bindingConditions?: readonly string[];
  readonly bindingFailureConditions?: readonly string[];
}
