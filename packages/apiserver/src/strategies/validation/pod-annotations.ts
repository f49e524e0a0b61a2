// Annotations that mean something to pods (upstream: ValidatePodSpecificAnnotations and its update).
import type { Pod, PodSpec, SeccompProfile } from "@knots/api/core/v1";
import { ownValue } from "@knots/machinery";
import type { ObjectMeta } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid } from "../field.ts";
import { APPARMOR_CONTAINER, validateAppArmorAnnotation } from "./app-armor.ts";
import { forEachContainer } from "./each-container.ts";
import { validateDescendingPath } from "./paths.ts";

type Annotations = Readonly<Record<string, string>>;

/** Of the API object that stands for a static pod of a node. */
export const MIRROR = "kubernetes.io/config.mirror";
const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/";
const LOCALHOST = "localhost/";

/** Of a pod or a template; `old` are the stored ones, of an update. Most have none of these: one look at each key. */
export function validatePodAnnotations(
  annotations: Annotations | undefined,
  spec: PodSpec,
  path: FieldPath,
  errors: FieldError[],
  old?: Annotations,
): void {
  if (annotations === undefined) return;
  for (const key in annotations) {
    const value = annotations[key] ?? "";
    if (key === MIRROR) {
      if (!spec.nodeName)
        errors.push(invalid(path.key(key), value, "must set spec.nodeName if mirror pod annotation is set"));
    } else if (key === DELETION_COST) {
      const before = ownValue(old, key);
      if (!isCost(value) && (before === undefined || isCost(before)))
        errors.push(invalid(path.key(key), value, "must be a 32bit integer"));
    } else if (isSeccomp(key)) validateSeccompAnnotation(value, path.child(key), errors);
    else if (key.startsWith(APPARMOR_CONTAINER)) validateAppArmorAnnotation(key, value, spec, path, errors);
  }
}

/** Digits without a plus or leading zeros (upstream: GetDeletionCostFromPodAnnotations). */
const isCost = (value: string): boolean => /^(0|-?\d+)$/.test(value) && !/^0./.test(value) && isInt32(Number(value));
const isInt32 = (value: number): boolean => value >= -2_147_483_648 && value <= 2_147_483_647;

function validateSeccompAnnotation(value: string, path: FieldPath, errors: FieldError[]): void {
  if (value === "runtime/default" || value === "docker/default" || value === "unconfined") return;
  if (value.startsWith(LOCALHOST)) validateDescendingPath(value.slice(LOCALHOST.length), path, errors);
  else errors.push(invalid(path, value, "must be a valid seccomp profile"));
}

/** What may not come, go or change once the pod is there, beside the rules for what is. */
export function validatePodAnnotationUpdates(next: Pod, old: Pod, path: FieldPath, errors: FieldError[]): void {
  const after = next.metadata?.annotations ?? NONE;
  const before = old.metadata?.annotations ?? NONE;
  for (const key in before) {
    const what = frozen(key);
    if (what !== undefined && after[key] !== before[key])
      errors.push(forbidden(path.key(key), `may not remove or update ${what}`));
  }
  for (const key in after) {
    const what = frozen(key);
    if (what !== undefined && ownValue(before, key) === undefined)
      errors.push(forbidden(path.key(key), `may not add ${what}`));
  }
  validatePodAnnotations(after, next.spec ?? { containers: [] }, path, errors, before);
}

const NONE: Annotations = {};

function frozen(key: string): string | undefined {
  if (key === MIRROR) return "mirror pod annotation";
  return key.startsWith(APPARMOR_CONTAINER) ? "AppArmor annotations" : undefined;
}

const isSeccomp = (key: string): boolean => key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER);

function hasSeccomp(annotations: Annotations): boolean {
  for (const key in annotations) if (isSeccomp(key)) return true;
  return false;
}

/** Where a pod or a template says its seccomp profile both ways, it says the same. */
export function validateSeccompMatch(
  meta: ObjectMeta | undefined,
  spec: PodSpec,
  path: FieldPath,
  errors: FieldError[],
): void {
  const annotations = meta?.annotations;
  if (annotations === undefined || !hasSeccomp(annotations)) return;
  const check = (key: string, profile: SeccompProfile, at: FieldPath): void => {
    const annotation = ownValue(annotations, key);
    if (annotation === undefined) return;
    const where = at.child("securityContext").child("seccompProfile");
    if (!saysType(annotation, profile.type))
      errors.push(forbidden(where.child("type"), "seccomp type in annotation and field must match"));
    else if (profile.type === "Localhost" && annotation.slice(LOCALHOST.length) !== profile.localhostProfile)
      errors.push(forbidden(where.child("localhostProfile"), "seccomp profile in annotation and field must match"));
  };
  const ofPod = spec.securityContext?.seccompProfile;
  if (ofPod !== undefined) check(SECCOMP_POD, ofPod, path);
  forEachContainer(spec, ({ name, securityContext }, list, index) => {
    const profile = securityContext?.seccompProfile;
    if (profile !== undefined) check(SECCOMP_CONTAINER + name, profile, path.child(list).index(index));
  });
}

function saysType(annotation: string, type: string): boolean {
  switch (type) {
    case "Unconfined":
      return annotation === "unconfined";
    case "RuntimeDefault":
      return annotation === "runtime/default" || annotation === "docker/default";
    case "Localhost":
      return annotation.startsWith(LOCALHOST);
    default:
      // The field's own validation refuses it.
      return true;
  }
}
