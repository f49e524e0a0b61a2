import { parseJson } from "@knots/api";
import { setKey, tableOf } from "@knots/machinery";
import type { ConfigMap, Secret, ServiceAccount } from "@knots/api/core/v1";
import { defaultSecret } from "../defaults/services.ts";
import { semanticEqual } from "../equality.ts";
import { FieldPath, forbidden, invalid, required, tooLong } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { serviceAccountWarnings } from "../warnings/kinds.ts";
import { immutable } from "../validation/metadata.ts";
import { isConfigMapKey } from "../validation/names.ts";

/** Bytes of all values together: what one object of the store may hold. */
const MAX_SIZE = 1024 * 1024;
const FROZEN = "field is immutable when `immutable` is set";
const DATA = FieldPath.root("data");

const decodedLength = (base64: string): number => Buffer.byteLength(base64, "base64");

function validateConfigMap(map: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const key in map.data) {
    for (const message of isConfigMapKey(key)) errors.push(invalid(DATA.key(key), key, message));
    if (map.binaryData && key in map.binaryData) {
      errors.push(invalid(DATA.key(key), key, "duplicate of key present in binaryData"));
    }
    size += Buffer.byteLength(map.data[key] ?? "");
  }
  for (const key in map.binaryData) {
    const at = FieldPath.root("binaryData").key(key);
    for (const message of isConfigMapKey(key)) errors.push(invalid(at, key, message));
    size += decodedLength(map.binaryData[key] ?? "");
  }
  if (size > MAX_SIZE) errors.push(tooLong(FieldPath.root(""), "", MAX_SIZE));
  return errors;
}

/** Once immutable, an object's contents stay, and so does the mark. */
function validateImmutable<T extends { immutable?: boolean }>(
  next: T,
  old: T,
  fields: readonly (keyof T & string)[],
  errors: FieldError[],
): void {
  if (!old.immutable) return;
  if (!next.immutable) errors.push(forbidden(FieldPath.root("immutable"), FROZEN));
  for (const field of fields) {
    if (!semanticEqual(next[field], old[field])) errors.push(forbidden(FieldPath.root(field), FROZEN));
  }
}

export const configMapStrategy: Strategy<ConfigMap> = {
  validate: validateConfigMap,
  validateUpdate(next, old) {
    const errors = validateConfigMap(next);
    validateImmutable(next, old, ["data", "binaryData"], errors);
    return errors;
  },
};

const SA_NAME = "kubernetes.io/service-account.name";

/** Keys that a type of secret must have; docker configurations must be JSON. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = tableOf({
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
});

function validateSecret(secret: Secret): FieldError[] {
  const errors: FieldError[] = [];
  const data = secret.data ?? {};
  let size = 0;
  for (const key in data) {
    for (const message of isConfigMapKey(key)) errors.push(invalid(DATA.key(key), key, message));
    size += decodedLength(data[key] ?? "");
  }
  if (size > MAX_SIZE) errors.push(tooLong(DATA, "", MAX_SIZE));
  if (secret.type === "kubernetes.io/service-account-token" && !secret.metadata?.annotations?.[SA_NAME]) {
    errors.push(required(FieldPath.root("metadata").child("annotations").key(SA_NAME), ""));
  }
  for (const key of REQUIRED_KEYS[secret.type ?? ""] ?? []) {
    const value = data[key];
    // An empty key opens nothing; of the others it is enough that they are there.
    if (value === undefined || (key === "ssh-privatekey" && value === "")) errors.push(required(DATA.key(key), ""));
    else if (key.startsWith(".docker")) {
      const problem = problemOfMap(Buffer.from(value, "base64").toString());
      if (problem !== undefined) errors.push(invalid(DATA.key(key), "<secret contents redacted>", problem));
    }
  }
  if (secret.type === "kubernetes.io/basic-auth" && !("username" in data) && !("password" in data)) {
    errors.push(required(FieldPath.root("data[username]"), ""), required(FieldPath.root("data[password]"), ""));
  }
  return errors;
}

/** Why a text is no JSON object, in Go's words; null is none, and passes for an empty one. */
function problemOfMap(text: string): string | undefined {
  let value: unknown;
  try {
    value = parseJson(Buffer.from(text));
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
  if (value === null || (typeof value === "object" && !Array.isArray(value))) return undefined;
  const type = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  return `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
}

/** stringData is for writing: its values go to data and win over them. */
function mergeStringData(secret: Secret): void {
  if (!secret.stringData) return;
  const data = { ...secret.data };
  for (const [key, value] of Object.entries(secret.stringData))
    setKey(data, key, Buffer.from(value).toString("base64"));
  secret.data = data;
  delete secret.stringData;
}

export const secretStrategy: Strategy<Secret> = {
  defaults(secret) {
    defaultSecret(secret);
    mergeStringData(secret);
  },
  prepareForUpdate(next, old) {
    if (!next.type && old.type) next.type = old.type;
  },
  validate: validateSecret,
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    immutable(next.type, old.type, FieldPath.root("type"), errors);
    validateImmutable(next, old, ["data"], errors);
    return [...errors, ...validateSecret(next)];
  },
  fieldLabels: (secret) => ({ type: secret.type ?? "" }),
};

export const serviceAccountStrategy: Strategy<ServiceAccount> = { warnings: serviceAccountWarnings };
