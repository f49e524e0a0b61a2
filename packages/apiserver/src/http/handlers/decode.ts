import { strictDecodingMessage, strictDecodingWarnings, validateShape } from "@knots/api";
import type { ShapeReport } from "@knots/api";
import { newBadRequest } from "@knots/machinery";
import type { KubeObject, StatusError, TypeSchema } from "@knots/machinery";
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
}

/**
 * Brings a decoded body into the shape of its type: kind and apiVersion checked (or filled in), wrong types refused,
 * unknown and duplicate fields refused, warned about or dropped as fieldValidation says.
 */
export function shapeObject(
  object: KubeObject,
  expected: ExpectedType,
  validation: WriteOptions["fieldValidation"],
  warn: (text: string) => void,
  duplicateFields: readonly string[] = [],
  refuse: (text: string) => StatusError = (text) => newBadRequest(prefixOf(expected) + text),
): KubeObject {
  const apiVersion = apiVersionOf(expected);
  checkType(object, expected, apiVersion);
  // An empty list means something here alone: managed fields are to be forgotten.
  const { managedFields } = object.metadata ?? {};
  const resets = Array.isArray(managedFields) && managedFields.length === 0;
  const { unknownFields, errors } = report(object, expected, validation);
  if (resets && object.metadata !== undefined) object.metadata.managedFields = [];
  const firstError = errors[0];
  if (firstError !== undefined) throw refuse(firstError);
  if (unknownFields.length > 0 || duplicateFields.length > 0) {
    if (validation === "Strict") throw refuse(strictDecodingMessage(unknownFields, duplicateFields));
    if (validation === "Warn") for (const text of strictDecodingWarnings(unknownFields, duplicateFields)) warn(text);
  }
  return object;
}

function prefixOf({ kind, version }: ExpectedType): string {
  return `${kind} in version "${version}" cannot be handled as a ${kind}: `;
}

function report(
  object: KubeObject,
  { shape, schema }: ExpectedType,
  validation: WriteOptions["fieldValidation"],
): ShapeReport {
  if (shape !== undefined) return shape(object);
  if (schema === undefined) return { unknownFields: [], errors: [] };
  return validateShape(schema, object, { mode: validation === "Ignore" ? "ignore" : "strict" });
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

function checkType(object: KubeObject, expected: ExpectedType, apiVersion: string): void {
  object.kind = object.kind === undefined || object.kind === "" ? expected.kind : object.kind;
  object.apiVersion = object.apiVersion === undefined || object.apiVersion === "" ? apiVersion : object.apiVersion;
  if (object.apiVersion !== apiVersion) {
    throw newBadRequest(
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  }
  if (object.kind !== expected.kind) {
    throw newBadRequest(
      `${object.kind} in version "${expected.version}" cannot be handled as a ${expected.kind}: converting (${object.kind}) to (${expected.kind}): unknown conversion`,
    );
  }
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
