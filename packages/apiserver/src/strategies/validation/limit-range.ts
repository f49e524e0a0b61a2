import type { LimitRangeItem } from "@knots/api/core/v1";
import { addAll, Quantity, isQualifiedName, ownValue } from "@knots/machinery";
import { forbidden, invalid, required } from "../field.ts";
import type { FieldError, FieldPath } from "../field.ts";
import { validateResourceName } from "./resource-names.ts";
import { canOvercommit, validateContainerResourceName } from "./resources.ts";

type Bound = "min" | "max" | "default" | "defaultRequest";

/** Pairs of which the first may not be more than the second: which field is at fault, whose value is shown, and how they are called. */
const ORDERED: readonly {
  readonly low: Bound;
  readonly high: Bound;
  readonly at: Bound;
  readonly shown: Bound;
  readonly words: readonly [string, string];
}[] = [
  { low: "min", high: "max", at: "min", shown: "min", words: ["min", "max"] },
  {
    low: "min",
    high: "defaultRequest",
    at: "defaultRequest",
    shown: "defaultRequest",
    words: ["min", "default request"],
  },
  {
    low: "defaultRequest",
    high: "max",
    at: "defaultRequest",
    shown: "defaultRequest",
    words: ["default request", "max"],
  },
  {
    low: "defaultRequest",
    high: "default",
    at: "defaultRequest",
    shown: "defaultRequest",
    words: ["default request", "default limit"],
  },
  { low: "min", high: "default", at: "default", shown: "min", words: ["min", "default"] },
  { low: "default", high: "max", at: "default", shown: "max", words: ["default", "max"] },
];

/** The bounds and defaults of one item must leave room for each other, resource by resource (upstream: ValidateLimitRange). */
export function validateLimits(given: LimitRangeItem, at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  validateType(given.type, at.child("type"), errors);
  const item = withoutPodDefaults(given, at, errors);
  for (const field of FIELDS) {
    for (const name of Object.keys(item[field] ?? {})) {
      const path = at.child(field).key(name);
      if (item.type === "Pod" || item.type === "Container") validateContainerResourceName(name, path, errors);
      else validateResourceName(name, path, errors);
    }
  }
  const { min = {}, max = {}, maxLimitRequestRatio: ratios = {} } = item;
  const names = new Set(
    [item.min, item.max, item.default, item.defaultRequest, ratios].flatMap((of) => Object.keys(of ?? {})),
  );
  for (const name of names) {
    for (const { low, high, at: field, shown, words } of ORDERED) {
      const [less, more] = [ownValue(item[low], name), ownValue(item[high], name)];
      if (less === undefined || more === undefined || Quantity.parse(less).cmp(Quantity.parse(more)) <= 0) continue;
      const detail = `${words[0]} value ${less} is greater than ${words[1]} value ${more}`;
      errors.push(invalid(at.child(field).key(name), ownValue(item[shown], name), detail));
    }
    const ratio = ownValue(ratios, name);
    if (ratio !== undefined)
      addAll(
        errors,
        checkRatio(ratio, ownValue(min, name), ownValue(max, name), at.child("maxLimitRequestRatio").key(name)),
      );
    const [limit, request] = [ownValue(item.default, name), ownValue(item.defaultRequest, name)];
    if (limit === undefined || request === undefined || canOvercommit(name)) continue;
    if (Quantity.parse(limit).cmp(Quantity.parse(request)) === 0) continue;
    const detail = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`;
    errors.push(invalid(at.child("defaultRequest").key(name), request, detail));
  }
  if (item.type === "PersistentVolumeClaim" && min["storage"] === undefined && max["storage"] === undefined) {
    errors.push(
      required(at.child("limits"), "either minimum or maximum storage value is required, but neither was provided"),
    );
  }
  return errors;
}

const FIELDS = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;
const TYPES = new Set(["Container", "PersistentVolumeClaim", "Pod"]);

function validateType(type: string, at: FieldPath, errors: FieldError[]): void {
  const problems = isQualifiedName(type);
  for (const message of problems) errors.push(invalid(at, type, message));
  if (problems.length === 0 && !type.includes("/") && !TYPES.has(type))
    errors.push(invalid(at, type, "must be a standard limit type or fully qualified"));
}

/** A pod has no defaults of its own: they are refused, and not looked at any further. */
function withoutPodDefaults(item: LimitRangeItem, at: FieldPath, errors: FieldError[]): LimitRangeItem {
  if (item.type !== "Pod") return item;
  for (const field of ["default", "defaultRequest"] as const) {
    if (Object.keys(item[field] ?? {}).length > 0)
      errors.push(forbidden(at.child(field), "may not be specified when `type` is 'Pod'"));
  }
  const { default: _default, defaultRequest: _request, ...rest } = item;
  return rest;
}

function checkRatio(ratio: string, min: string | undefined, max: string | undefined, at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const value = Quantity.parse(ratio).asNumber();
  if (value < 1) errors.push(invalid(at, ratio, `ratio ${ratio} is less than 1`));
  if (min === undefined || max === undefined) return errors;
  const most = Quantity.parse(max).asNumber() / Quantity.parse(min).asNumber();
  if (value > most) errors.push(invalid(at, ratio, `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`));
  return errors;
}
