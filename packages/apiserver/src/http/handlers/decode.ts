import { longIntegersOf, mayBeInexact, schemaFor, strictDecodingWarnings, validateShape } from "@knots/api";
import type { ShapeReport } from "@knots/api";
import { invalid, newBadRequest, newInvalid, tableOf } from "@knots/machinery";
import type { KubeObject, LongInteger, StatusError, TypeSchema } from "@knots/machinery";
import { goJsonType } from "../body-problem.ts";
import { apiVersionOf } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import type { WriteOptions } from "../options.ts";

/** What a body is to be read as. */
export interface ExpectedType {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Undefined: everything is preserved. */
  readonly schema: TypeSchema | undefined;
  /** For custom resources, in place of the schema. */
  readonly shape?: (object: KubeObject) => ShapeReport;
  /** In whose words values of the wrong type are spoken of; the decoder's where absent. */
  readonly words?: "decoder" | "converter";
}

/**
 * Brings a decoded body into the shape of its type: kind and apiVersion checked (or filled in, save in custom objects), wrong types refused,
 * unknown and duplicate fields refused, warned about or dropped as fieldValidation says.
 */
export function shapeObject(
  object: KubeObject,
  expected: ExpectedType,
  validation: WriteOptions["fieldValidation"],
  warn: (text: string) => void,
  /** What strict decoding complains of beside unknown fields, in its words. */
  problems: readonly string[] = [],
  refuse: (text: string) => StatusError = (text) => newBadRequest(prefixOf(expected) + text),
): KubeObject {
  const apiVersion = apiVersionOf(expected);
  checkType(object, expected, apiVersion);
  checkIntegers(object, expected);
  // An empty list means something here alone: managed fields are to be forgotten.
  const { managedFields } = object.metadata ?? {};
  const resets = Array.isArray(managedFields) && managedFields.length === 0;
  const { unknownFields, errors } = report(object, expected, validation);
  if (resets && object.metadata !== undefined) object.metadata.managedFields = [];
  const firstError = errors[0];
  if (firstError !== undefined) throw refuse(firstError);
  if (unknownFields.length > 0 || problems.length > 0) {
    const strict = [...problems, ...strictDecodingWarnings(unknownFields, [])];
    if (validation === "Strict") throw refuse(`strict decoding error: ${strict.join(", ")}`);
    if (validation === "Warn") for (const text of strict) warn(text);
  }
  return object;
}

function prefixOf({ kind, version }: ExpectedType): string {
  return `${kind} in version "${version}" cannot be handled as a ${kind}: `;
}

function report(
  object: KubeObject,
  { shape, schema, words }: ExpectedType,
  validation: WriteOptions["fieldValidation"],
): ShapeReport {
  const mode = validation === "Ignore" ? "ignore" : "strict";
  if (shape !== undefined) return shape(object);
  if (schema === undefined) return { unknownFields: [], errors: [] };
  return validateShape(schema, object, { mode, words });
}

/** What a served resource's bodies are to be read as. */
export function expectedType(served: ServedResource): ExpectedType {
  const { info, schema, shape } = served;
  return {
    group: info.group,
    version: info.version,
    kind: info.kind,
    schema,
    ...(shape === undefined ? {} : { shape: (object: KubeObject) => shape(object) }),
  };
}

/** Groups whose internal Go package is not named after the first part of their name. */
const PACKAGES: Readonly<Record<string, string>> = tableOf({
  "": "core",
  "events.k8s.io": "core",
  "rbac.authorization.k8s.io": "rbac",
});

function internalPackage(group: string): string {
  return PACKAGES[group] ?? (group.split(".")[0] ?? "").replace("apiserver", "");
}

function checkType(object: KubeObject, expected: ExpectedType, apiVersion: string): void {
  const custom = expected.shape !== undefined;
  // Custom objects must say themselves what they are.
  object.apiVersion = typeField(object, "apiVersion", custom ? "" : apiVersion, expected);
  object.kind = typeField(object, "kind", custom ? "" : expected.kind, expected);
  if (object.kind === "") throw newBadRequest("Object 'Kind' is missing in 'unstructured object has no kind'");
  const { kind } = object;
  const { group, version } = parseApiVersion(object.apiVersion);
  if (kind !== expected.kind && !custom) {
    const known = schemaFor({ group, version, kind }) !== undefined;
    throw newBadRequest(
      `${kind} in version "${version}" cannot be handled as a ${expected.kind}: ${
        known
          ? `converting (${version}.${kind}) to (${internalPackage(expected.group)}.${expected.kind}): unknown conversion`
          : `no kind "${kind}" is registered for version "${object.apiVersion}" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"`
      }`,
    );
  }
  if (object.apiVersion !== apiVersion) {
    throw newBadRequest(
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  }
  if (kind !== expected.kind) {
    const { metadata } = object;
    const name = typeof metadata?.name === "string" ? metadata.name : "";
    throw newInvalid(expected, name, [invalid("kind", kind, `must be ${expected.kind}`)]);
  }
}

/** kind or apiVersion, filled in when absent. */
function typeField(
  object: KubeObject,
  field: "kind" | "apiVersion",
  otherwise: string,
  { kind }: ExpectedType,
): string {
  const value: unknown = object[field];
  if (value === undefined || value === null || value === "") return otherwise;
  if (typeof value === "string") return value;
  throw newBadRequest(
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: json: cannot unmarshal ${goJsonType(value)} into Go struct field .${field} of type string`,
  );
}

function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  return slash < 0
    ? { group: "", version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** Refuses integers that would be kept as others: better a refusal than a value that nobody wrote. Custom resources keep them. */
function checkIntegers(object: KubeObject, expected: ExpectedType): void {
  if (expected.shape !== undefined) return;
  for (const long of longIntegersOf(object)) {
    if (!mayBeInexact(expected.schema, long.path)) throw newBadRequest(prefixOf(expected) + inexactText(long));
    setNumber(object, long);
  }
}

function setNumber(object: KubeObject, { path, value }: LongInteger): void {
  let holder: unknown = object;
  for (const part of path.slice(0, -1)) holder = (holder as Record<string | number, unknown>)[part];
  (holder as Record<string | number, unknown>)[path.at(-1) ?? ""] = Number(value);
}

export function inexactText({ path, value }: LongInteger): string {
  return `the number ${value} at ${path.join(".")} cannot be kept exactly: integers go from -2^53 to 2^53 here`;
}

/** Throws BadRequest when the body speaks of another namespace or name than the URL. */
export function checkIdentity(object: KubeObject, namespaced: boolean, namespace: string, name: string): void {
  object.metadata ??= {};
  const { metadata } = object;
  if (namespaced && metadata.namespace !== undefined && metadata.namespace !== "" && metadata.namespace !== namespace) {
    throw newBadRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (name === "") return;
  if (metadata.name === undefined || metadata.name === "") {
    throw newBadRequest("name must be provided");
  }
  if (metadata.name !== name) {
    throw newBadRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
}
