// AppArmor profiles, as fields and as the annotations that came before them (KEP-24).
import type { AppArmorProfile, Pod, PodSpec, PodTemplateSpec } from "@knots/api/core/v1";
import { ownValue } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, notSupported, required, tooLong } from "../field.ts";
import { forEachContainer } from "./each-container.ts";

/** Followed by the container's name. */
export const APPARMOR_CONTAINER = "container.apparmor.security.beta.kubernetes.io/";
const LOCALHOST = "localhost/";
const TYPES = ["Localhost", "RuntimeDefault", "Unconfined"];
/** PATH_MAX without the byte that ends a path. */
const MAX_PATH_BYTES = 4095;

/** Most pods have annotations, and nearly none these. */
export function hasAppArmor(annotations: Readonly<Record<string, string>>): boolean {
  for (const key in annotations) if (key.startsWith(APPARMOR_CONTAINER)) return true;
  return false;
}

/** The profile that an annotation means; undefined where it means none that can be written as a field. */
export function annotatedProfile(annotation: string): AppArmorProfile | undefined {
  if (annotation === "unconfined") return { type: "Unconfined" };
  if (annotation === "runtime/default") return { type: "RuntimeDefault" };
  if (!annotation.startsWith(LOCALHOST)) return undefined;
  const localhostProfile = annotation.slice(LOCALHOST.length);
  return isLocalProfile(localhostProfile) ? { type: "Localhost", localhostProfile } : undefined;
}

const isLocalProfile = (name: string): boolean =>
  name !== "" && name.trim() === name && Buffer.byteLength(name) <= MAX_PATH_BYTES;

export function validateAppArmorProfile(
  profile: AppArmorProfile | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (profile === undefined) return;
  const { type, localhostProfile: local } = profile;
  const at = path.child("localhostProfile");
  if (!type) errors.push(required(path.child("type"), "type is required when appArmorProfile is set"));
  else if (!TYPES.includes(type)) errors.push(notSupported(path.child("type"), type, TYPES));
  else if (type !== "Localhost") {
    if (local !== undefined) errors.push(invalid(at, local, "can only be set when AppArmor type is Localhost"));
  } else if (local === undefined || local === "")
    errors.push(required(at, "must be set when AppArmor type is Localhost"));
  else {
    if (local.trim() !== local) errors.push(invalid(at, local, "must not be padded with whitespace"));
    if (Buffer.byteLength(local) > MAX_PATH_BYTES) errors.push(tooLong(at, local, MAX_PATH_BYTES));
  }
}

/** One annotation, of a pod or a template. */
export function validateAppArmorAnnotation(
  key: string,
  value: string,
  spec: PodSpec,
  path: FieldPath,
  errors: FieldError[],
): void {
  const name = key.slice(APPARMOR_CONTAINER.length);
  let isThere = false;
  forEachContainer(spec, (container) => (isThere ||= container.name === name));
  if (!isThere) errors.push(invalid(path.key(key), name, "container not found"));
  if (value !== "" && value !== "runtime/default" && value !== "unconfined" && !value.startsWith(LOCALHOST))
    errors.push(invalid(path.key(key), value, `invalid AppArmor profile name: ${JSON.stringify(value)}`));
}

/** Where a new pod or a template says it both ways, it says the same. */
export function validateAppArmorMatch(
  { metadata, spec }: Pod | PodTemplateSpec,
  path: FieldPath,
  errors: FieldError[],
): void {
  const annotations = metadata?.annotations;
  if (spec === undefined || annotations === undefined || !hasAppArmor(annotations)) return;
  if (spec.os?.name === "windows") return;
  const ofPod = spec.securityContext?.appArmorProfile;
  forEachContainer(spec, ({ name, securityContext }, list, index) => {
    const profile = securityContext?.appArmorProfile ?? ofPod;
    if (profile === undefined) return;
    const annotation = ownValue(annotations, APPARMOR_CONTAINER + name);
    if (annotation === undefined) return;
    const at = path.child(list).index(index).child("securityContext").child("appArmorProfile");
    if (annotationType(annotation) !== profile.type) {
      if (TYPES.includes(profile.type))
        errors.push(forbidden(at.child("type"), "apparmor type in annotation and field must match"));
    } else if (profile.type === "Localhost" && annotation.slice(LOCALHOST.length) !== profile.localhostProfile)
      errors.push(forbidden(at.child("localhostProfile"), "apparmor profile in annotation and field must match"));
  });
}

function annotationType(annotation: string): string | undefined {
  if (annotation.startsWith(LOCALHOST)) return "Localhost";
  if (annotation === "unconfined") return "Unconfined";
  return annotation === "runtime/default" ? "RuntimeDefault" : undefined;
}
