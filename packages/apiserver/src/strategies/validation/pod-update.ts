import type { Container, ContainerStatus, EphemeralContainer, Pod, PodSpec } from "@knots/api/core/v1";
import { isQualifiedName } from "@knots/machinery";
import { isIP } from "node:net";
import { semanticEqual } from "../equality.ts";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, required } from "../field.ts";
import { describeDifference } from "./difference.ts";
import { nameIsDNSSubdomain, rangeMessage } from "./names.ts";
import { validateClaimStatuses, validateExtendedClaimStatus } from "./pod-claim-status.ts";
import { validateOnlyAddedTolerations } from "./scheduling.ts";

const MAX_INT32 = 2_147_483_647;
const FROZEN =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
  "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const FROZEN_RESIZE = "only cpu and memory resources are mutable";

/** What an update of a pod may change of its spec. */
export function validatePodSpecUpdate(next: PodSpec, old: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const lists = ["containers", "initContainers"] as const;
  for (const list of lists) {
    if (!validateContainerUpdates(next[list] ?? [], old[list] ?? [], path.child(list), errors)) return;
  }
  if (!validateDeadlineUpdate(next, old, path.child("activeDeadlineSeconds"), errors)) return;
  validateOnlyAddedTolerations(next.tolerations ?? [], old.tolerations ?? [], path.child("tolerations"), errors);
  const gated = (old.schedulingGates ?? []).length > 0;
  for (const gate of next.schedulingGates ?? []) {
    if (old.schedulingGates?.some((each) => each.name === gate.name)) continue;
    const why = `only deletion is allowed, but found new scheduling gate '${gate.name}'`;
    errors.push(forbidden(path.child("schedulingGates"), why));
  }
  const munged: PodSpec = { ...next };
  for (const list of lists) if (next[list]) munged[list] = withImagesOf(next[list], old[list] ?? []);
  restore(munged, old, "activeDeadlineSeconds");
  restore(munged, old, "tolerations");
  restore(munged, old, "schedulingGates");
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && next.terminationGracePeriodSeconds === 1) {
    restore(munged, old, "terminationGracePeriodSeconds");
  }
  // Before a pod is let through its gates, what narrows the choice of nodes may still change.
  if (gated && narrowsOnly(next.nodeSelector, old.nodeSelector)) restore(munged, old, "nodeSelector");
  if (gated) restore(munged, old, "affinity");
  if (!semanticEqual(munged, old)) errors.push(forbidden(path, `${FROZEN}\n${describeDifference(munged, old)}`));
}

function narrowsOnly(next: Record<string, string> = {}, old: Record<string, string> = {}): boolean {
  return Object.entries(old).every(([key, value]) => next[key] === value);
}

function restore<K extends keyof PodSpec>(target: PodSpec, source: PodSpec, field: K): void {
  const value = source[field];
  if (value === undefined) delete target[field];
  else target[field] = value;
}

const withImagesOf = (next: readonly Container[], old: readonly Container[]): Container[] =>
  next.map((container, index) => {
    const image = old[index]?.image;
    return image === undefined ? { ...container } : { ...container, image };
  });

function validateContainerUpdates(
  next: readonly Container[],
  old: readonly Container[],
  path: FieldPath,
  errors: FieldError[],
): boolean {
  if (next.length !== old.length) {
    errors.push(forbidden(path, "pod updates may not add or remove containers"));
    return false;
  }
  next.forEach((container, index) => validateImage(container, path.index(index), errors));
  return true;
}

function validateImage(container: Container, path: FieldPath, errors: FieldError[]): void {
  const image = container.image ?? "";
  if (image === "") errors.push(required(path.child("image"), ""));
  if (image.trim() !== image)
    errors.push(invalid(path.child("image"), image, "must not have leading or trailing whitespace"));
}

/** Rules for pods that templates are free of: no blanks around images. */
export function validatePodImages(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  for (const list of ["containers", "initContainers"] as const) {
    spec[list]?.forEach((container, index) => {
      const image = container.image ?? "";
      if (image.trim() === image) return;
      const at = path.child(list).index(index).child("image");
      errors.push(invalid(at, image, "must not have leading or trailing whitespace"));
    });
  }
}

function validateDeadlineUpdate(next: PodSpec, old: PodSpec, path: FieldPath, errors: FieldError[]): boolean {
  const deadline = next.activeDeadlineSeconds;
  const before = old.activeDeadlineSeconds;
  if (deadline === undefined) {
    if (before !== undefined) errors.push(invalid(path, null, "must not update from a positive integer to nil value"));
    return true;
  }
  if (deadline < 0 || deadline > MAX_INT32) {
    errors.push(invalid(path, deadline, rangeMessage(0, MAX_INT32)));
    return false;
  }
  if (before !== undefined && before < deadline) {
    errors.push(invalid(path, deadline, "must be less than or equal to previous value"));
    return false;
  }
  return true;
}

/** pods/resize changes requests and limits of cpu and memory, nothing else. */
export function validatePodResize(next: PodSpec, old: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const munged: PodSpec = { ...next };
  for (const list of ["containers", "initContainers"] as const) {
    if (next[list]?.length !== old[list]?.length) {
      errors.push(forbidden(path.child(list), "containers may not be added or removed on resize"));
      return;
    }
    munged[list] = next[list]?.map((container, index) => {
      const before = old[list]?.[index]?.resources ?? {};
      const resources = structuredClone(container.resources ?? {});
      for (const kind of ["requests", "limits"] as const) {
        const values = { ...resources[kind] };
        for (const name of ["cpu", "memory"]) {
          const value = before[kind]?.[name];
          if (value === undefined) delete values[name];
          else values[name] = value;
        }
        if (Object.keys(values).length > 0) resources[kind] = values;
        else delete resources[kind];
      }
      return { ...container, resources };
    }) as Container[];
    if (!next[list]) delete munged[list as "initContainers"];
  }
  if (!semanticEqual(munged, old)) {
    errors.push(forbidden(path, `${FROZEN_RESIZE}\n${describeDifference(munged, old)}`));
  }
}

/** pods/ephemeralcontainers only ever adds. */
export function validateEphemeralUpdate(next: Pod, old: Pod, path: FieldPath, errors: FieldError[]): void {
  const byName = new Map((next.spec?.ephemeralContainers ?? []).map((each) => [each.name, each]));
  for (const before of old.spec?.ephemeralContainers ?? []) {
    const after: EphemeralContainer | undefined = byName.get(before.name);
    if (!after) errors.push(forbidden(path, `existing ephemeral containers "${before.name}" may not be removed\n`));
    else if (!semanticEqual(before, after)) {
      const why = `existing ephemeral containers "${before.name}" may not be changed\n${describeDifference(after, before)}`;
      errors.push(forbidden(path, why));
    }
  }
}

/** Terminated containers do not come back to life where the restart policy says so; IPs are addresses. */
export function validatePodStatusUpdate(next: Pod, old: Pod, path: FieldPath, errors: FieldError[]): void {
  const policy = old.spec?.restartPolicy ?? "Always";
  const nominated = next.status?.nominatedNodeName;
  if (nominated && nominated !== old.status?.nominatedNodeName) {
    for (const message of nameIsDNSSubdomain(nominated, false)) {
      errors.push(invalid(path.child("nominatedNodeName"), nominated, message));
    }
  }
  const at = path.child("containerStatuses");
  validateTransitions(next.status?.containerStatuses, old.status?.containerStatuses, policy, at, errors);
  next.status?.conditions?.forEach((condition, index) => {
    if (["PodScheduled", "Ready", "Initialized"].includes(condition.type)) return;
    for (const message of isQualifiedName(condition.type)) {
      errors.push(invalid(path.child("conditions").index(index).child("Type"), condition.type, message));
    }
  });
  validateClaimStatuses(next, path.child("resourceClaimStatuses"), errors);
  validateExtendedClaimStatus(next, path.child("extendedResourceClaimStatus"), errors);
  next.status?.podIPs?.forEach((each, index) => {
    if (isIP(each.ip ?? "") !== 0) return;
    const why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    errors.push(invalid(path.child("podIPs").index(index), each.ip ?? "", why));
  });
}

function validateTransitions(
  next: readonly ContainerStatus[] | undefined,
  old: readonly ContainerStatus[] | undefined,
  policy: string,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (policy === "Always") return;
  old?.forEach((before, index) => {
    const terminated = before.state?.terminated;
    if (!terminated || (terminated.exitCode !== 0 && policy === "OnFailure")) return;
    const after = next?.find((each) => each.name === before.name);
    if (after && !after.state?.terminated) {
      errors.push(forbidden(path.index(index).child("state"), "may not be transitioned to non-terminated state"));
    }
  });
}
