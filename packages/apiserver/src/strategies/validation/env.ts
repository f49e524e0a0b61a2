import type { EnvFromSource, EnvVar, ObjectFieldSelector, ResourceFieldSelector } from "@knots/api/core/v1";
import { isQualifiedName } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, notSupported, required } from "../field.ts";
import { isConfigMapKey, isRelaxedEnvVarName, nameIsDNSSubdomain } from "./names.ts";

const ENV_FIELDS = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
/** Fields that a file of the downward API may show. */
export const VOLUME_FIELDS = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];
const RESOURCE_FIELDS = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];
const BYTE_DIVISORS = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";

export function validateEnv(variables: readonly EnvVar[] | undefined, path: FieldPath, errors: FieldError[]): void {
  variables?.forEach((variable, index) => {
    const at = path.index(index);
    if (!variable.name) errors.push(required(at.child("name"), ""));
    else {
      for (const message of isRelaxedEnvVarName(variable.name)) {
        errors.push(invalid(at.child("name"), variable.name, message));
      }
    }
    if (variable.valueFrom) validateValueFrom(variable, at.child("valueFrom"), errors);
  });
}

function validateValueFrom(variable: EnvVar, path: FieldPath, errors: FieldError[]): void {
  const source = variable.valueFrom ?? {};
  const given = Object.values(source).filter((each) => each !== undefined).length;
  if (source.fieldRef) validateFieldRef(source.fieldRef, ENV_FIELDS, path.child("fieldRef"), errors);
  if (source.resourceFieldRef) {
    validateResourceFieldRef(source.resourceFieldRef, false, path.child("resourceFieldRef"), errors);
  }
  for (const name of ["configMapKeyRef", "secretKeyRef"] as const) {
    const reference = source[name];
    if (!reference) continue;
    const at = path.child(name);
    for (const message of nameIsDNSSubdomain(reference.name ?? "", false)) {
      errors.push(invalid(at.child("name"), reference.name ?? "", message));
    }
    if (!reference.key) errors.push(required(at.child("key"), ""));
    else
      for (const message of isConfigMapKey(reference.key))
        errors.push(invalid(at.child("key"), reference.key, message));
  }
  if (given === 0) {
    const why =
      "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
    errors.push(invalid(path, "", why));
  } else if (variable.value) errors.push(invalid(path, "", "may not be specified when `value` is not empty"));
  else if (given > 1) errors.push(invalid(path, "", "may not have more than one field specified at a time"));
}

/** metadata.labels['key'] → its path and subscript. */
const SUBSCRIPTED = /^(.+)\['(.*)'\]$/;

export function validateFieldRef(
  reference: ObjectFieldSelector,
  fields: readonly string[],
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!reference.apiVersion) return void errors.push(required(path.child("apiVersion"), ""));
  if (!reference.fieldPath) return void errors.push(required(path.child("fieldPath"), ""));
  const match = SUBSCRIPTED.exec(reference.fieldPath);
  if (!match) {
    const known = [...VOLUME_FIELDS, ...ENV_FIELDS, "spec.restartPolicy", "status.phase"].includes(reference.fieldPath);
    if (!known) {
      const why = `error converting fieldPath: field label not supported: ${reference.fieldPath}`;
      errors.push(invalid(path.child("fieldPath"), reference.fieldPath, why));
    } else if (!fields.includes(reference.fieldPath)) {
      errors.push(notSupported(path.child("fieldPath"), reference.fieldPath, [...fields]));
    }
    return;
  }
  const [, base = "", subscript = ""] = match;
  if (base === "metadata.annotations") {
    for (const message of isQualifiedName(subscript.toLowerCase())) errors.push(invalid(path, subscript, message));
  } else if (base === "metadata.labels") {
    for (const message of isQualifiedName(subscript)) errors.push(invalid(path, subscript, message));
  } else errors.push(invalid(path, base, "does not support subscript"));
}

export function validateResourceFieldRef(
  reference: ResourceFieldSelector,
  inVolume: boolean,
  path: FieldPath,
  errors: FieldError[],
): void {
  const resource = reference.resource ?? "";
  const hugePages = /^(limits|requests)\.hugepages-/.test(resource);
  if (inVolume && !reference.containerName) errors.push(required(path.child("containerName"), ""));
  else if (!resource) errors.push(required(path.child("resource"), ""));
  else if (!RESOURCE_FIELDS.includes(resource) && !hugePages) {
    errors.push(notSupported(path.child("resource"), resource, RESOURCE_FIELDS));
  }
  const divisor = reference.divisor ?? "0";
  if (divisor === "0") return;
  const isCpu = resource.endsWith(".cpu");
  const bytes = BYTE_DIVISORS.split(", ");
  if (isCpu && divisor !== "1m" && divisor !== "1") {
    const why = "only divisor's values 1m and 1 are supported with the cpu resource";
    errors.push(invalid(path.child("divisor"), resource, why));
  }
  if (!isCpu && !bytes.includes(divisor)) {
    const what = hugePages ? "hugepages" : resource.endsWith(".memory") ? "memory" : "local ephemeral storage";
    const why = `only divisor's values ${BYTE_DIVISORS} are supported with the ${what} resource`;
    errors.push(invalid(path.child("divisor"), resource, why));
  }
}

export function validateEnvFrom(
  sources: readonly EnvFromSource[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  sources?.forEach((source, index) => {
    const at = path.index(index);
    if (source.prefix) {
      for (const message of isRelaxedEnvVarName(source.prefix)) {
        errors.push(invalid(at.child("prefix"), source.prefix, message));
      }
    }
    let given = 0;
    for (const name of ["configMapRef", "secretRef"] as const) {
      const reference = source[name];
      if (!reference) continue;
      given++;
      if (!reference.name) errors.push(required(at.child(name).child("name"), ""));
      else {
        for (const message of nameIsDNSSubdomain(reference.name, true)) {
          errors.push(invalid(at.child(name).child("name"), reference.name, message));
        }
      }
    }
    if (given === 0) errors.push(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"));
    if (given > 1) errors.push(invalid(path, "", "may not have more than one field specified at a time"));
  });
}
