import type { Container, EphemeralContainer, NodeAffinity, NodeSelectorTerm, Pod, PodSpec } from "@knots/api/core/v1";
import { semanticEqual } from "../equality.ts";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, required } from "../field.ts";
import { validateImageSpaces } from "./containers.ts";
import { describeDifference } from "./difference.ts";
import { rangeMessage } from "./names.ts";
import { validateOnlyAddedTolerations } from "./scheduling.ts";

const MAX_INT32 = 2_147_483_647;
const FROZEN =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
  "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** What an update of a pod may change of its spec. */
export function validatePodSpecUpdate(next: PodSpec, old: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const lists = ["containers", "initContainers"] as const;
  for (const list of lists) {
    if (!validateContainerUpdates(next[list] ?? [], old[list] ?? [], path.child(list), errors)) return;
  }
  if (!validateDeadlineUpdate(next, old, path.child("activeDeadlineSeconds"), errors)) return;
  validateOnlyAddedTolerations(next.tolerations ?? [], old.tolerations ?? [], path.child("tolerations"), errors);
  const gated = (old.schedulingGates ?? []).length > 0;
  next.schedulingGates?.forEach(({ name }, index) => {
    if (old.schedulingGates?.some((each) => each.name === name)) return;
    const why = `only deletion is allowed, but found new scheduling gate '${name}'`;
    errors.push(forbidden(path.child("schedulingGates").index(index).child("name"), why));
  });
  const munged: PodSpec = { ...next };
  for (const list of lists) if (next[list]) munged[list] = withImagesOf(next[list], old[list] ?? []);
  restore(munged, old, "activeDeadlineSeconds");
  restore(munged, old, "tolerations");
  restore(munged, old, "schedulingGates");
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && next.terminationGracePeriodSeconds === 1) {
    restore(munged, old, "terminationGracePeriodSeconds");
  }
  if (gated) restoreNodeChoice(munged, old, path, errors);
  if (!semanticEqual(munged, old)) errors.push(forbidden(path, `${FROZEN}\n${describeDifference(munged, old)}`));
}

/** Before a pod is let through its gates, its choice of nodes may still narrow (KEP-3838). */
function restoreNodeChoice(munged: PodSpec, old: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const { nodeSelector = {} } = munged;
  if (Object.entries(old.nodeSelector ?? {}).some(([key, value]) => nodeSelector[key] !== value)) {
    const why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
    errors.push(invalid(path.child("nodeSelector"), nodeSelector, why));
  }
  restore(munged, old, "nodeSelector");
  const before = old.affinity?.nodeAffinity;
  const after = munged.affinity?.nodeAffinity;
  if (semanticEqual(after, before)) return;
  validateNarrowerAffinity(after, before, path.child("affinity").child("nodeAffinity"), errors);
  const { nodeAffinity: _, ...others } = munged.affinity ?? {};
  const affinity = { ...others, ...(before === undefined ? {} : { nodeAffinity: before }) };
  if (old.affinity === undefined && Object.keys(affinity).length === 0) delete munged.affinity;
  else munged.affinity = affinity;
}

/** Terms are alternatives: one more widens the choice, and so does a requirement less. Preferences may change. */
function validateNarrowerAffinity(
  next: NodeAffinity | undefined,
  old: NodeAffinity | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const required = "requiredDuringSchedulingIgnoredDuringExecution";
  const before = old?.[required]?.nodeSelectorTerms ?? [];
  const after = next?.[required]?.nodeSelectorTerms ?? [];
  if (before.length === 0) return;
  const at = path.child(required).child("nodeSelectorTerms");
  if (before.length !== after.length) {
    errors.push(invalid(at, after, "no additions/deletions to non-empty NodeSelectorTerms list are allowed"));
    return;
  }
  after.forEach((term, index) => {
    if (onlyAdds(term, before[index] ?? {})) return;
    errors.push(invalid(at.index(index), term, "only additions are allowed (no mutations or deletions)"));
  });
}

/** A term without any requirement means no node: nothing can be added to it. */
function onlyAdds(next: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const fields = ["matchExpressions", "matchFields"] as const;
  const length = (term: NodeSelectorTerm): number => fields.reduce((sum, field) => sum + (term[field]?.length ?? 0), 0);
  if (length(old) === 0) return length(next) === 0;
  return fields.every((field) =>
    semanticEqual((next[field] ?? []).slice(0, old[field]?.length ?? 0), old[field] ?? []),
  );
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
  validateImageSpaces(container, path, errors);
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
