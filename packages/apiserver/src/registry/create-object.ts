import {
  cloneJson,
  generateName,
  isAlreadyExists,
  newAlreadyExists,
  newBadRequest,
  newGenerateNameConflict,
  newInvalid,
  StatusError,
} from "@knots/machinery";
import type { Clock } from "@knots/machinery";
import type { AdmissionAttributes, AdmissionUndo } from "../admission/types.ts";
import type { Entry } from "../watch-cache/entry.ts";
import type { ResourceCache } from "../watch-cache/resource-cache.ts";
import type { Committer } from "./committer.ts";
import type { FieldTracker } from "./field-tracker.ts";
import { clearSystemFields, fillSystemFields } from "./metadata.ts";
import type { StoredObject } from "./metadata.ts";
import { mutateObject } from "./mutate-object.ts";
import type { Operation } from "./operation.ts";
import type { StoredType, Undo } from "./resource-type.ts";
import { mayHaveBeenMade } from "./store-failure.ts";
import { detachedEntry, viewOf } from "./write-context.ts";
import type { WriteContext } from "./write-context.ts";

/** Tries for a free name under generateName, as upstream. */
const NAME_TRIES = 8;

export interface CreationParts {
  readonly storage: {
    readonly type: StoredType;
    readonly cache: ResourceCache;
    key(namespace: string, name: string): string;
  };
  readonly committer: Committer;
  readonly clock: Clock;
  readonly tracker: FieldTracker;
  readonly context: WriteContext;
}

/**
 * Creates an object. Mutating admission sees it before the server has given it a uid, a time of creation and (under
 * generateName) a name, as upstream; what follows is repeated for another name where one is taken.
 */
export async function createObject(
  parts: CreationParts,
  op: Operation,
  namespace: string,
  input: StoredObject,
  fields: "update" | "set-by-transform" = "update",
): Promise<Entry> {
  const { storage, clock, tracker, context } = parts;
  const { type } = storage;
  let object = input;
  if (type.info.namespaced) object.metadata.namespace = namespace;
  else delete object.metadata.namespace;
  clearSystemFields(object);
  const attributes = context.attributes(op, "CREATE", namespace, object.metadata.name ?? "", object, undefined);
  if (op.admission === undefined) type.applyDefaults(object);
  // What admission and the server's own rules add belongs to nobody.
  if (fields === "update") tracker.onCreate(type, object, op, clock.now());
  if (op.admission !== undefined) {
    object = await mutateObject(op, attributes, object);
    if (type.info.namespaced && object.metadata.namespace !== namespace) throw otherNamespace();
    type.applyDefaults(object);
  }
  const { name = "", generateName: base = "" } = object.metadata;
  if (name !== "" || base === "") return validateAndCommit(parts, op, attributes, object);
  for (let tries = 1; ; tries++) {
    const attempt = cloneJson(object);
    attempt.metadata.name = generateName(base);
    if (tries < NAME_TRIES && storage.cache.get(storage.key(namespace, attempt.metadata.name)) !== undefined) continue;
    try {
      return await validateAndCommit(parts, op, attributes, attempt);
    } catch (error) {
      if (tries >= NAME_TRIES || !isAlreadyExists(error)) throw error;
    }
  }
}

async function validateAndCommit(
  parts: CreationParts,
  op: Operation,
  admitted: AdmissionAttributes,
  object: StoredObject,
): Promise<Entry> {
  const { storage, committer, clock, context } = parts;
  const { info, hooks } = storage.type;
  const { namespace } = admitted;
  const { name = "" } = object.metadata;
  const strategy = context.strategy(op.subresource);
  fillSystemFields(object, clock.now());
  const ctx = context.of(op, namespace, name);
  strategy.prepareForCreate?.(object, ctx);
  // Validating admission knows the name that was made.
  const attributes = admitted.name === "" ? { ...admitted, name } : admitted;
  attributes.object = viewOf(op, object);
  let release: Undo | undefined;
  let undo: AdmissionUndo | undefined;
  try {
    release = await hooks.beforeCreate?.(object, op);
    const errors = strategy.validate?.(object, ctx) ?? [];
    if (errors.length > 0) throw newInvalid(info, name, errors);
    strategy.canonicalize?.(object);
    for (const text of strategy.warnings?.(object) ?? []) op.warn(text);
    undo = await op.admission?.validate(attributes);
    checkVersion(object);
    const key = storage.key(namespace, name);
    if (op.dryRun) {
      if (storage.cache.get(key) !== undefined) throw nameTaken(parts, object, key);
      await release?.();
      return detachedEntry(key, object);
    }
    const entry = await committer.put(key, object, { modRevision: 0 }, { ttlSeconds: hooks.ttlSeconds?.(object) });
    if (entry === undefined) throw nameTaken(parts, object, key);
    return entry;
  } catch (error) {
    // What a write took stays taken while nobody knows whether the write was made; repair loops find out.
    if (!mayHaveBeenMade(error)) {
      await release?.();
      await undo?.();
    }
    throw error;
  }
}

/** Says too whether the name will be free soon, and whether the server had its part in choosing it. */
function nameTaken({ storage, committer }: CreationParts, { metadata }: StoredObject, key: string): StatusError {
  const { name = "", generateName: base = "" } = metadata;
  const { info } = storage.type;
  const error = base === "" ? newAlreadyExists(info, name) : newGenerateNameConflict(info, name, 1);
  const there = committer.current(key) ?? storage.cache.get(key);
  if (there?.object.metadata?.deletionTimestamp === undefined) return error;
  const { message = "" } = error.status;
  return new StatusError({ ...error.status, message: `object is being deleted: ${message}` });
}

function checkVersion({ metadata }: StoredObject): void {
  const { resourceVersion = "" } = metadata;
  if (resourceVersion === "" || resourceVersion === "0") return;
  throw new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "resourceVersion should not be set on objects to be created",
    code: 500,
  });
}

function otherNamespace(): Error {
  return newBadRequest("the namespace of the provided object does not match the namespace sent on the request");
}
