// Names of resources and amounts of them, as quotas, limit ranges and nodes speak of them (upstream: pkg/apis/core/helper
// and validation).
import { Quantity, isExtendedResourceName, isQualifiedName } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid } from "../field.ts";
import { NON_NEGATIVE } from "./names.ts";

/** Things that are counted, not measured. */
const COUNTED = [
  ..."pods services replicationcontrollers resourcequotas secrets configmaps persistentvolumeclaims".split(" "),
  "services.nodeports",
  "services.loadbalancers",
];
export const COMPUTE_RESOURCES = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
const QUOTA = new Set([
  ...COUNTED,
  ...COMPUTE_RESOURCES,
  "ephemeral-storage",
  "requests.ephemeral-storage",
  "limits.ephemeral-storage",
  "requests.storage",
]);
const INTEGERS = new Set(COUNTED);

/** One of Kubernetes' own that a quota can count. */
export const isQuotaResource = (name: string): boolean => QUOTA.has(name) || /^(requests\.)?hugepages-/.test(name);

/** One of Kubernetes' own; storage is the one that no quota counts. */
export const isStandardResource = (name: string): boolean => name === "storage" || isQuotaResource(name);

/** A standard name, or one with a domain. */
export function validateResourceName(name: string, at: FieldPath, errors: FieldError[]): void {
  const problems = isQualifiedName(name);
  for (const message of problems) errors.push(invalid(at, name, message));
  if (problems.length === 0 && !name.includes("/") && !isStandardResource(name))
    errors.push(invalid(at, name, "must be a standard resource type or fully qualified"));
}

/** An amount is not negative, and whole where the thing cannot be divided. */
export function validateAmount(name: string, value: string, at: FieldPath, errors: FieldError[]): void {
  const quantity = Quantity.parse(value);
  if (quantity.cmp(Quantity.parse("0")) < 0) errors.push(invalid(at, value, NON_NEGATIVE));
  const integral = INTEGERS.has(name) || isExtendedResourceName(name);
  if (integral && Number(quantity.milliValue()) % 1000 !== 0) errors.push(invalid(at, value, "must be an integer"));
}
