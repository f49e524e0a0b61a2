import type { ResourceRequirements } from "@knots/api/core/v1";
import { Quantity, isExtendedResourceName, ownValue } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, required } from "../field.ts";
import { isHugePages, isWholePages } from "./huge-pages.ts";
import { NO_CLAIMS, validateUsedClaims } from "./resource-claims.ts";
import type { ClaimNames } from "./resource-claims.ts";
import { validateAmount, validateResourceName } from "./resource-names.ts";

const STANDARD = new Set(["cpu", "memory", "ephemeral-storage"]);
const isStandardContainerResource = (name: string): boolean => STANDARD.has(name) || isHugePages(name);
const isNative = (name: string): boolean => !name.includes("/") || name.includes("kubernetes.io/");

/** Whether a resource may be promised more often than it exists: those of Kubernetes itself, not huge pages. */
export const canOvercommit = (name: string): boolean => isNative(name) && !isHugePages(name);

type NameRule = (name: string, path: FieldPath, errors: FieldError[]) => void;

/** What else is known where resources are asked for. */
export interface ResourceContext {
  /** Names of the pod's claims; without them none can be used. */
  readonly claims?: ClaimNames;
  /** Which resources there are; those of containers unless given. */
  readonly validateName?: NameRule;
  /** Whether parts of huge pages are let be: a stored pod may keep them. */
  readonly mayBreakPages?: () => boolean;
}

const NO_CONTEXT: ResourceContext = {};

/** Requests and limits: names, signs, whole numbers, requests within limits, claims that exist. */
export function validateResourceRequirements(
  resources: ResourceRequirements | undefined,
  path: FieldPath,
  errors: FieldError[],
  context: ResourceContext = NO_CONTEXT,
): void {
  if (!resources) return;
  const { limits = {}, requests = {}, claims } = resources;
  const validateName = context.validateName ?? validateContainerResourceName;
  let hasHugePages = false;
  const checkPages = (name: string, value: string, at: FieldPath): void => {
    if (!isHugePages(name)) return;
    hasHugePages = true;
    if (isWholePages(name, value) || context.mayBreakPages?.() === true) return;
    errors.push(invalid(at, value, `${value} is not positive integer multiple of ${name}`));
  };
  for (const name in limits) {
    const at = path.child("limits").key(name);
    const value = limits[name] ?? "0";
    validateName(name, at, errors);
    validateAmount(name, value, at, errors);
    checkPages(name, value, at);
  }
  for (const name in requests) {
    const at = path.child("requests").key(name);
    const value = requests[name] ?? "0";
    validateName(name, at, errors);
    validateAmount(name, value, at, errors);
    validateAgainstLimit(name, value, ownValue(limits, name), path, errors);
    checkPages(name, value, at);
  }
  if (hasHugePages && !["cpu", "memory"].some((name) => name in limits || name in requests))
    errors.push(forbidden(path, "HugePages require cpu or memory"));
  if (claims !== undefined) validateUsedClaims(claims, context.claims ?? NO_CLAIMS, path.child("claims"), errors);
}

function validateAgainstLimit(
  name: string,
  request: string,
  limit: string | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (limit === undefined) {
    if (!canOvercommit(name))
      errors.push(required(path.child("limits"), "Limit must be set for non overcommitable resources"));
    return;
  }
  const order = Quantity.parse(request).cmp(Quantity.parse(limit));
  if (order !== 0 && !canOvercommit(name))
    errors.push(invalid(path.child("requests"), request, `must be equal to ${name} limit of ${limit}`));
  else if (order > 0)
    errors.push(invalid(path.child("requests"), request, `must be less than or equal to ${name} limit of ${limit}`));
}

/** Fully qualified, or one of the names Kubernetes defines for containers. */
export function validateContainerResourceName(name: string, path: FieldPath, errors: FieldError[]): void {
  validateResourceName(name, path, errors);
  if (!name.includes("/")) {
    if (!isStandardContainerResource(name))
      errors.push(invalid(path, name, "must be a standard resource for containers"));
  } else if (!isNative(name) && !isExtendedResourceName(name)) {
    errors.push(invalid(path, name, "doesn't follow extended resource name standard"));
  }
}
