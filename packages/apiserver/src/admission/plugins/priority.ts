import type { Pod } from "@knots/api/core/v1";
import type { PriorityClass } from "@knots/api/scheduling/v1";
import { priorityClasses } from "@knots/api/scheduling/v1";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { concerns } from "./match.ts";

const DEFAULT_PREEMPTION = "PreemptLowerPriority";

/** Computes a pod's priority from its class; there is one global default class at most. */
export const priority: AdmissionPlugin = {
  name: "Priority",
  handles: (attributes) =>
    concerns(attributes, "pods", ["CREATE", "UPDATE"]) ||
    concerns(attributes, "priorityclasses", ["CREATE", "UPDATE"], "scheduling.k8s.io"),
  mutate(attributes) {
    if (attributes.resource === "pods") admitPod(attributes);
  },
  validate(attributes) {
    if (attributes.resource === "priorityclasses") checkDefault(attributes);
  },
};

function admitPod(attributes: AdmissionAttributes): void {
  const { operation } = attributes;
  const { spec } = attributes.object as Pod;
  if (spec === undefined) return;
  if (operation === "UPDATE") {
    const old = (attributes.oldObject as Pod).spec;
    // A client of an older level may leave out what was computed.
    if (spec.priority === undefined && old?.priority !== undefined) spec.priority = old.priority;
    if (spec.preemptionPolicy === undefined && old?.preemptionPolicy !== undefined)
      spec.preemptionPolicy = old.preemptionPolicy;
    return;
  }
  let value = 0;
  let policy = DEFAULT_PREEMPTION;
  if (spec.priorityClassName === undefined || spec.priorityClassName === "") {
    const fallback = globalDefault(attributes);
    if (fallback !== undefined) {
      spec.priorityClassName = fallback.metadata?.name ?? "";
      value = fallback.value ?? 0;
      policy = fallback.preemptionPolicy ?? DEFAULT_PREEMPTION;
    }
  } else {
    const found = attributes.objects.get(priorityClasses, undefined, spec.priorityClassName);
    if (found === undefined) {
      throw forbidden(attributes, `no PriorityClass with name ${spec.priorityClassName} was found`);
    }
    value = found.value ?? 0;
    policy = found.preemptionPolicy ?? DEFAULT_PREEMPTION;
  }
  if (spec.priority !== undefined && spec.priority !== value) {
    throw forbidden(
      attributes,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  spec.priority = value;
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    throw forbidden(
      attributes,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  }
  spec.preemptionPolicy = policy;
}

/** Of several default classes (a race) the lowest counts. */
function globalDefault({ objects }: AdmissionAttributes): PriorityClass | undefined {
  let found: PriorityClass | undefined;
  for (const item of objects.list(priorityClasses)) {
    if (item.globalDefault === true && (found === undefined || (found.value ?? 0) > (item.value ?? 0))) found = item;
  }
  return found;
}

function checkDefault(attributes: AdmissionAttributes): void {
  const next = attributes.object as PriorityClass;
  if (next.globalDefault !== true) return;
  const current = globalDefault(attributes);
  const name = current?.metadata?.name ?? "";
  if (current !== undefined && name !== next.metadata?.name) {
    throw forbidden(attributes, `PriorityClass ${name} is already marked as default. Only one default can exist`);
  }
}
