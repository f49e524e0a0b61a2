// What selectors of devices see: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/resource-claim-v1/
import { estimateCost } from "../cost-estimate.ts";
import type { SizeOfPath } from "../cost-estimate.ts";
import { withVariables } from "../environment.ts";
import type { Environment } from "../environment.ts";
import { kubernetesEnvironment } from "../kubernetes.ts";
import type { Program } from "../program.ts";
import { BOOL, DYN, STRING, mapOf, struct } from "../types.ts";
import type { CelType } from "../types.ts";
import { QUANTITY } from "./quantities.ts";

const FIELDS: Readonly<Record<string, CelType>> = {
  driver: STRING,
  attributes: mapOf(STRING, mapOf(STRING, DYN)),
  capacity: mapOf(STRING, mapOf(STRING, QUANTITY)),
  allowMultipleAllocations: BOOL,
};

/** Type of the variable `device`. */
export const DEVICE = struct("kubernetes.DRADevice", {
  field: (name) => {
    const type = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    return type === undefined ? undefined : { type };
  },
});

/** What selectors are written in. */
export const DEVICE_SELECTORS: Environment = {
  ...withVariables(kubernetesEnvironment(), { device: DEVICE }),
  bindings: true,
};

const MAX_DRIVER_NAME = 63;
/** Attributes and capacities of a device together: no map of them, or of their domains, has more. */
const MAX_ENTRIES = 32;
const MAX_VALUE = 64;

const sizeOfPath: SizeOfPath = ([, field, ...path]) => {
  if (field === "driver") return { min: 0, max: MAX_DRIVER_NAME };
  if (field !== "attributes" && field !== "capacity") return { min: 1, max: 1 };
  return { min: 0, max: path.length < 2 ? MAX_ENTRIES : MAX_VALUE };
};

/** Most that evaluating a selector for one device may cost. */
export function maxSelectorCost(program: Program): number {
  return estimateCost(program.checked, sizeOfPath).max;
}
