// What the operating system that a pod names leaves of its specification (upstream: validateOS, validateLinux, validateWindows).
import type { PodSpec } from "@knots/api/core/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, notSupported, required } from "../field.ts";
import { forEachContainer } from "./each-container.ts";

const NOT_OF_WINDOWS = "cannot be set for a windows pod";
const NOT_OF_LINUX = "windows options cannot be set for a linux pod";
/** In upstream's order: of the pod itself, and (with a dot) of its security context. */
const OF_PODS = [
  ".appArmorProfile",
  ".seLinuxOptions",
  "hostUsers",
  "hostPID",
  "hostIPC",
  ".seccompProfile",
  ".fsGroup",
  ".fsGroupChangePolicy",
  ".sysctls",
  "shareProcessNamespace",
  ".runAsUser",
  ".runAsGroup",
  ".supplementalGroups",
  ".supplementalGroupsPolicy",
  ".seLinuxChangePolicy",
] as const;
/** Of these upstream cannot tell what says nothing from what is not there. */
const WHERE_SET: ReadonlySet<string> = new Set(["hostPID", "hostIPC", ".sysctls"]);
const isUnset = (value: unknown): boolean => value === false || (Array.isArray(value) && value.length === 0);
const CONTAINER_CONTEXT = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

export function validateOS(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  if (spec.os === undefined) return;
  const { name } = spec.os;
  if (!name) errors.push(required(path.child("os").child("name"), "cannot be empty"));
  else if (name === "linux") validateLinux(spec, path, errors);
  else if (name === "windows") validateWindows(spec, path, errors);
  else errors.push(notSupported(path.child("os"), name, ["linux", "windows"]));
}

function validateLinux(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const refuse = (at: FieldPath): void =>
    void errors.push(forbidden(at.child("securityContext").child("windowsOptions"), NOT_OF_LINUX));
  if (spec.securityContext?.windowsOptions !== undefined) refuse(path);
  forEachContainer(spec, ({ securityContext }, list, index) => {
    if (securityContext?.windowsOptions !== undefined) refuse(path.child(list).index(index));
  });
}

function validateWindows(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const refuse = (at: FieldPath): void => void errors.push(forbidden(at, NOT_OF_WINDOWS));
  const context: Readonly<Record<string, unknown>> = { ...spec.securityContext };
  for (const field of OF_PODS) {
    const name = field.replace(".", "");
    const value = name === field ? spec[field as keyof PodSpec] : context[name];
    if (value === undefined || (WHERE_SET.has(field) && isUnset(value))) continue;
    refuse(name === field ? path.child(name) : path.child("securityContext").child(name));
  }
  forEachContainer(spec, (container, list, index) => {
    for (const field of CONTAINER_CONTEXT)
      if (container.securityContext?.[field] !== undefined)
        refuse(path.child(list).index(index).child("securityContext").child(field));
  });
}
