import type { ResourceRequirements } from "@knots/api/core/v1";
import { Quantity, isQualifiedName } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, required } from "../field.ts";
import { NON_NEGATIVE } from "./names.ts";
import { validateResourceName } from "./resource-names.ts";

const STANDARD = new Set(["cpu", "memory", "ephemeral-storage"]);
const isHugePages = (name: string): boolean => name.startsWith("hugepages-");
const isStandardContainerResource = (name: string): boolean => STANDARD.has(name) || isHugePages(name);

/** Whether a resource may be promised more often than it exists: those of Kubernetes itself, not huge pages. */
export const canOvercommit = (name: string): boolean =>
  (!name.includes("/") || name.includes("kubernetes.io/")) && !isHugePages(name);

/** Requests and limits of a container: names, signs, whole numbers, requests within limits. */
export function validateResourceRequirements(
  resources: ResourceRequirements | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!resources) return;
  const limits = resources.limits ?? {};
  const requests = resources.requests ?? {};
  let hasHugePages = false;
  for (const name in limits) {
    const at = path.child("limits").key(name);
    validateContainerResourceName(name, at, errors);
    validateResourceQuantity(name, limits[name] ?? "0", at, errors);
    hasHugePages ||= isHugePages(name);
  }
  for (const name in requests) {
    const at = path.child("requests").key(name);
    validateContainerResourceName(name, at, errors);
    const value = requests[name] ?? "0";
    validateResourceQuantity(name, value, at, errors);
    hasHugePages ||= isHugePages(name);
    const limit = limits[name];
    if (limit === undefined) {
      if (!canOvercommit(name))
        errors.push(required(path.child("limits"), "Limit must be set for non overcommitable resources"));
      continue;
    }
    const order = Quantity.parse(value).cmp(Quantity.parse(limit));
    if (order !== 0 && !canOvercommit(name)) {
      errors.push(invalid(path.child("requests"), value, `must be equal to ${name} limit of ${limit}`));
    } else if (order > 0) {
      errors.push(invalid(path.child("requests"), value, `must be less than or equal to ${name} limit of ${limit}`));
    }
  }
  const hasCpuOrMemory = ["cpu", "memory"].some((name) => name in limits || name in requests);
  if (hasHugePages && !hasCpuOrMemory) errors.push(forbidden(path, "HugePages require cpu or memory"));
}

/** Fully qualified, or one of the names Kubernetes defines for containers. */
export function validateContainerResourceName(name: string, path: FieldPath, errors: FieldError[]): void {
  validateResourceName(name, path, errors);
  if (!name.includes("/")) {
    if (!isStandardContainerResource(name))
      errors.push(invalid(path, name, "must be a standard resource for containers"));
  } else if (!isExtendedOrNative(name)) {
    errors.push(invalid(path, name, "doesn't follow extended resource name standard"));
  }
}

const isExtendedOrNative = (name: string): boolean =>
  name.includes("kubernetes.io/") || isQualifiedName(`requests.${name}`).length === 0;

/** Not negative; things that cannot be divided come in whole numbers. */
export function validateResourceQuantity(name: string, value: string, path: FieldPath, errors: FieldError[]): void {
  const quantity = Quantity.parse(value);
  if (quantity.cmp(Quantity.parse("0")) < 0) errors.push(invalid(path, value, NON_NEGATIVE));
  const integral = name.includes("/") && !name.includes("kubernetes.io/");
  const milli = quantity.milliValue();
  if (integral && Number(milli) % 1000 !== 0) errors.push(invalid(path, value, "must be an integer"));
}
