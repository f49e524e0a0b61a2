// What the operating system that a pod names leaves of its specification (upstream: validateOS, validateLinux, validateWindows).
import type { PodSpec } from "@knots/api/core/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, notSupported, required } from "../field.ts";
import { forEachContainer } from "./each-container.ts";

const NOT_OF_WINDOWS = "cannot be set for a windows pod";
const NOT_OF_LINUX = "windows options cannot be set for a linux pod";
/** Of the pod's security context, in upstream's order. */
const POD_CONTEXT = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "sysctls",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
  "seLinuxChangePolicy",
] as const;
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
  for (const field of ["hostUsers", "shareProcessNamespace"] as const)
    if (spec[field] !== undefined) refuse(path.child(field));
  for (const field of ["hostPID", "hostIPC"] as const) if (spec[field] === true) refuse(path.child(field));
  const { securityContext } = spec;
  for (const field of POD_CONTEXT) {
    const value = securityContext?.[field];
    const isNoSysctl = field === "sysctls" && securityContext?.sysctls?.length === 0;
    if (value !== undefined && !isNoSysctl) refuse(path.child("securityContext").child(field));
  }
  forEachContainer(spec, (container, list, index) => {
    for (const field of CONTAINER_CONTEXT)
      if (container.securityContext?.[field] !== undefined)
        refuse(path.child(list).index(index).child("securityContext").child(field));
  });
}
