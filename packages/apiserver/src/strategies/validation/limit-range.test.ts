import type { LimitRangeItem } from "@knots/api/core/v1";
import { FieldPath, formatFieldError } from "@knots/machinery";
import { expect, it } from "vitest";
import { validateLimits } from "./limit-range.ts";

const cpu = (value: string): Record<string, string> => ({ cpu: value });

it.each<[Partial<LimitRangeItem>, string[]]>([
  [{ min: cpu("1"), defaultRequest: cpu("1"), default: cpu("2"), max: cpu("2000m") }, []],
  [{ min: cpu("2"), max: cpu("1") }, ['min[cpu]: Invalid value: "2": min value 2 is greater than max value 1']],
  [
    { min: cpu("2"), defaultRequest: cpu("1") },
    ['defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1'],
  ],
  [
    { defaultRequest: cpu("3"), default: cpu("2"), max: cpu("2") },
    [
      'defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than max value 2',
      'defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than default limit value 2',
    ],
  ],
  [
    { min: cpu("500m"), default: cpu("400m") },
    ['default[cpu]: Invalid value: "500m": min value 500m is greater than default value 400m'],
  ],
  [
    { default: cpu("3"), max: cpu("1") },
    ['default[cpu]: Invalid value: "1": default value 3 is greater than max value 1'],
  ],
  [
    { min: { toString: "1" }, default: { constructor: "1" } },
    [
      'min[toString]: Invalid value: "toString": must be a standard resource type or fully qualified',
      'min[toString]: Invalid value: "toString": must be a standard resource for containers',
      'default[constructor]: Invalid value: "constructor": must be a standard resource type or fully qualified',
      'default[constructor]: Invalid value: "constructor": must be a standard resource for containers',
    ],
  ],
  [
    { maxLimitRequestRatio: cpu("500m") },
    ['maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1'],
  ],
  [
    { min: cpu("1"), max: cpu("2"), maxLimitRequestRatio: cpu("3") },
    ['maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000'],
  ],
  [
    { type: "PersistentVolumeClaim", min: cpu("1") },
    ["limits: Required value: either minimum or maximum storage value is required, but neither was provided"],
  ],
  [{ type: "PersistentVolumeClaim", max: { storage: "1Gi" } }, []],
])("limits %j", (item, expected) => {
  const errors = validateLimits({ type: "Container", ...item }, FieldPath.root("item"));
  expect(errors.map((error) => formatFieldError(error).replace(/^item\./, ""))).toEqual(expected);
});
