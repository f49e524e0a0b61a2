import type {
  EnvFromSource,
  EnvVar,
  FileKeySelector,
  ObjectFieldSelector,
  PodSpec,
  ResourceFieldSelector,
  Volume,
} from "@knots/api/core/v1";
import { Quantity, isDNS1123Label, isQualifiedName } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, notFound, notSupported, required } from "../field.ts";
import { forEachContainer } from "./each-container.ts";
import { invalidFor, isConfigMapKey, isRelaxedEnvVarName, nameIsDNSSubdomain } from "./names.ts";
import { validateNoBackSteps } from "./paths.ts";

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

const CPU_DIVISORS = ["1m", "1"];
/** As error texts call the resources. */
const WHAT = new Map([
  ["cpu", "cpu"],
  ["memory", "memory"],
  ["ephemeral-storage", "local ephemeral storage"],
]);

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
  if (source.fileKeyRef) validateFileKey(source.fileKeyRef, path.child("fileKeyRef"), errors);
  if (given === 0) {
    const why =
      "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
    errors.push(invalid(path, "", why));
  } else if (variable.value) errors.push(invalid(path, "", "may not be specified when `value` is not empty"));
  else if (given > 1) errors.push(invalid(path, "", "may not have more than one field specified at a time"));
}

/** A key of a file that a container left in a volume (KEP-3721). */
function validateFileKey(
  { key, volumeName, path: file }: FileKeySelector,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!key) errors.push(required(path.child("key")));
  else invalidFor(isRelaxedEnvVarName(key), key, path.child("key"), errors);
  if (!volumeName) errors.push(required(path.child("volumeName")));
  else invalidFor(isDNS1123Label(volumeName), volumeName, path.child("volumeName"), errors);
  if (!file) errors.push(required(path.child("path")));
  else validateNoBackSteps(file, path.child("path"), errors);
}

/** The volumes of such files are empty directories: nothing else is the pod's own. */
export function validateFileKeyVolumes(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  let volumes: Map<string, Volume> | undefined;
  forEachContainer(spec, ({ env }, list, index) =>
    env?.forEach(({ valueFrom }, variable) => {
      const name = valueFrom?.fileKeyRef?.volumeName;
      if (name === undefined) return;
      volumes ??= new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
      const volume = volumes.get(name);
      const at = path.child(list).index(index).child("env").index(variable);
      const where = at.child("valueFrom", "fileKeyRef", "volumeName");
      if (volume === undefined) errors.push(notFound(where, name));
      else if (volume.emptyDir === undefined)
        errors.push(invalid(where, name, "referenced volume must be of type emptyDir"));
    }),
  );
}

/** metadata.labels['key'] → its path and subscript. */
const SUBSCRIPTED = /^(.+?)\['(.*)'\]$/s;
/** Fields that are known, whether or not they can be asked for here. */
const LABELS = new Set([
  ...VOLUME_FIELDS,
  ...ENV_FIELDS,
  "spec.restartPolicy",
  "spec.schedulerName",
  "spec.terminationGracePeriodSeconds",
  "status.phase",
]);

export function validateFieldRef(
  { apiVersion, fieldPath }: ObjectFieldSelector,
  fields: readonly string[],
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!apiVersion) return void errors.push(required(path.child("apiVersion"), ""));
  if (!fieldPath) return void errors.push(required(path.child("fieldPath"), ""));
  const refuse = (why: string): void =>
    void errors.push(invalid(path.child("fieldPath"), fieldPath, `error converting fieldPath: ${why}`));
  if (apiVersion !== "v1") return refuse(`unsupported pod version: ${apiVersion}`);
  const match = SUBSCRIPTED.exec(fieldPath);
  if (match !== null) {
    const [, base, subscript = ""] = match;
    if (base === "metadata.annotations")
      invalidFor(isQualifiedName(subscript.toLowerCase()), subscript.toLowerCase(), path, errors);
    else if (base === "metadata.labels") invalidFor(isQualifiedName(subscript), subscript, path, errors);
    else refuse(`field label does not support subscript: ${fieldPath}`);
    return;
  }
  // The name that the field had once.
  const label = fieldPath === "spec.host" ? "spec.nodeName" : fieldPath;
  if (!LABELS.has(label)) refuse(`field label not supported: ${fieldPath}`);
  else if (!fields.includes(label)) errors.push(notSupported(path.child("fieldPath"), label, [...fields]));
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
  if (Quantity.parse(divisor).isZero()) return;
  const what = hugePages ? "hugepages" : WHAT.get(resource.replace(/^(limits|requests)\./, ""));
  if (what === undefined) return;
  const [values, list] = what === "cpu" ? [CPU_DIVISORS, "1m and 1"] : [BYTE_DIVISORS.split(", "), BYTE_DIVISORS];
  if (values.includes(divisor)) return;
  const why = `only divisor's values ${list} are supported with the ${what} resource`;
  errors.push(invalid(path.child("divisor"), resource, why));
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
