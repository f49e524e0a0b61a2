import { newBadRequest } from "../status-error.ts";
import type { KubeObject, ManagedFieldsEntry } from "../object.ts";
import { capUpdateManagers } from "./cap.ts";
import { conflictError } from "./conflicts.ts";
import type { Conflict } from "./conflicts.ts";
import { isSame } from "./compare.ts";
import { createdFields } from "./created-fields.ts";
import { stripSystemFields } from "./field-filter.ts";
import { internFields } from "./interned-fields.ts";
import { KUBECTL, lastAppliedFields, updateLastApplied } from "./last-applied.ts";
import { decodeManaged, encodeManaged, isReset, managerId } from "./managed.ts";
import type { Managed, Manager } from "./managed.ts";
import { reconcileWithSchema } from "./reconcile.ts";
import { TypedError, equalValues } from "./typed.ts";
import { Changes, applyMerge, takeChanged } from "./updater.ts";
import type { TypedVersions } from "./updater.ts";
import { validateTyped } from "./validate-typed.ts";

/** Who is given the fields of an object that was not tracked before the first apply to it. */
const BEFORE_FIRST_APPLY = "before-first-apply";

/** A write, as managed fields record it. */
export interface Writer {
  readonly manager: string;
  /** "" for the resource itself. */
  readonly subresource: string;
  /** The version that the writer speaks. */
  readonly apiVersion: string;
  /** As metadata writes it. */
  readonly time: string;
}

/**
 * The managed fields of `next` after a plain write over `live` (undefined: a create); undefined when there are none to
 * keep. Objects that are not tracked stay so until somebody applies. Throws TypedError.
 */
export function trackUpdate(
  live: KubeObject | undefined,
  next: KubeObject,
  writer: Writer,
  versions: TypedVersions,
): ManagedFieldsEntry[] | undefined {
  const theirs = live?.metadata?.managedFields;
  let entries = next.metadata?.managedFields;
  if (writer.subresource === "" && isReset(next)) entries = undefined;
  // Subresources do not set managed fields, and whoever does not know them does not mean to remove them.
  else if (writer.subresource !== "" || !isDecodable(entries, theirs)) entries = theirs;
  if (live === undefined && entries === undefined) {
    const { topLevel, topLevelOnly } = versions.filter(writer.apiVersion);
    if (topLevel !== undefined && topLevelOnly === true) return trackCreate(next, writer, versions, topLevel);
  }
  if (live !== undefined && (entries === undefined || entries.length === 0)) return undefined;
  const before = live ?? { apiVersion: next.apiVersion ?? "", kind: next.kind ?? "", metadata: {} };
  const changes = new Changes(before, next, versions);
  const own = changes.in(writer.apiVersion);
  if (own === undefined) throw new TypedError(`no schema for ${writer.apiVersion}`);
  // Nothing changed: what there is stands, whatever its time.
  if (live !== undefined && entries === theirs && isSame(own)) return theirs;
  const managed = reconcileAll(decodeOrNothing(entries), before, versions);
  const taken = takeChanged(managed, changes, undefined, true);
  if ("conflicts" in taken) throw new Error("a plain write has no conflicts");
  const result = taken.managed;
  const set = stripSystemFields(own.modified.union(own.added));
  if (!set.isEmpty) {
    const identity: Manager = { ...writer, operation: "Update" };
    const id = managerId(identity);
    result.set(id, { ...identity, time: writer.time, set: set.union(result.get(id)?.set ?? set) });
  }
  return encoded(capUpdateManagers(result));
}

/** A create by the only manager there is. */
function trackCreate(
  object: KubeObject,
  { manager, subresource, apiVersion, time }: Writer,
  versions: TypedVersions,
  without: ReadonlySet<string>,
): ManagedFieldsEntry[] | undefined {
  const typing = versions.typing(apiVersion);
  if (typing === undefined) throw new TypedError(`no schema for ${apiVersion}`);
  const text = createdFields(versions.convert(object, apiVersion), typing, without);
  if (text === "") return undefined;
  return [
    {
      manager,
      operation: "Update",
      apiVersion,
      time,
      fieldsType: "FieldsV1",
      fieldsV1: internFields(text),
      ...(subresource === "" ? {} : { subresource }),
    },
  ];
}

/**
 * Applies a configuration to the state of an object in the writer's version. `object` is undefined when nothing but managed
 * fields changes. Throws StatusError on conflicts and on what is no configuration, TypedError on what does not fit the type.
 */
export function trackApply(
  live: KubeObject,
  config: KubeObject,
  writer: Writer,
  versions: TypedVersions,
  force: boolean,
): { object: KubeObject | undefined; managedFields: ManagedFieldsEntry[] | undefined } {
  if (config.metadata?.managedFields !== undefined && config.metadata.managedFields !== null) {
    throw newBadRequest("metadata.managedFields must be nil");
  }
  const typing = versions.typing(writer.apiVersion);
  if (typing === undefined) throw new Error(`no schema for ${writer.apiVersion}`);
  const managed = managedBefore(live, writer, versions);
  try {
    validateTyped(config, typing);
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    throw new TypedError(`failed to create typed patch object (${describe(config)}): ${error.message}`);
  }
  const applier = { ...writer, operation: "Apply" } as const;
  const id = managerId(applier);
  const apply = (forced: boolean) => applyMerge(live, config, { id, applier, managed, force: forced }, versions);
  let applied = apply(force);
  if ("conflicts" in applied && writer.manager === KUBECTL) {
    const conflicts = remaining(applied.conflicts, live, writer.apiVersion, versions);
    applied = conflicts.length === 0 ? apply(true) : { conflicts };
  }
  if ("conflicts" in applied) throw conflictError(applied.conflicts);
  const own = applied.managed.get(id);
  if (own !== undefined) {
    const set = stripSystemFields(own.set);
    if (set.isEmpty) applied.managed.delete(id);
    else applied.managed.set(id, { ...own, set });
  }
  let { object } = applied;
  if (writer.manager === KUBECTL) {
    const updated = { ...(object ?? live) };
    updateLastApplied(updated, config);
    if (!equalValues(updated.metadata?.annotations, (object ?? live).metadata?.annotations)) object = updated;
  }
  return { object, managedFields: encoded(applied.managed) };
}

function managedBefore(live: KubeObject, writer: Writer, versions: TypedVersions): Managed {
  let managed: Managed;
  try {
    managed = decodeManaged(live.metadata?.managedFields);
  } catch (error) {
    throw new Error(`failed to decode managed fields: ${(error as Error).message}`, { cause: error });
  }
  if (managed.size > 0) return reconcileAll(managed, live, versions);
  try {
    return decodeManaged(trackUpdate(undefined, live, { ...writer, manager: BEFORE_FIRST_APPLY }, versions));
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    const why = `failed to convert new object (${describe(live)}) to smd typed: ${error.message}`;
    throw new TypedError(`failed to create manager for existing fields: ${why}`);
  }
}

/** kubectl does not conflict with whoever wrote what it applied from the client's side before. */
function remaining(
  conflicts: readonly Conflict[],
  live: KubeObject,
  apiVersion: string,
  versions: TypedVersions,
): Conflict[] {
  const typing = versions.typing(apiVersion);
  if (typing === undefined) return [...conflicts];
  const allowed = lastAppliedFields(live, apiVersion, typing);
  return conflicts
    .map(({ manager, fields }) => ({ manager, fields: fields.difference(allowed) }))
    .filter(({ fields }) => !fields.isEmpty);
}

/** Types of built-in kinds do not change under their version; those of custom resources do. */
function reconcileAll(managed: Managed, live: KubeObject, versions: TypedVersions): Managed {
  const result: Managed = new Map();
  for (const [id, entry] of managed) {
    const typing = versions.typing(entry.apiVersion);
    if (typing === undefined) continue;
    if (typing.untyped === "atomic") result.set(id, entry);
    else {
      const set = reconcileWithSchema(entry.set, versions.convert(live, entry.apiVersion), typing);
      result.set(id, set === entry.set ? entry : { ...entry, set });
    }
  }
  return result;
}

/** Whether a client's entries are to be taken; those it got from the server need no look. */
function isDecodable(entries: ManagedFieldsEntry[] | undefined, theirs: ManagedFieldsEntry[] | undefined): boolean {
  if (entries === undefined || entries === null || entries.length === 0) return false;
  if (equalValues(entries, theirs)) return false;
  try {
    decodeManaged(entries);
    return true;
  } catch {
    return false;
  }
}

/** Broken entries in the store own nothing. */
function decodeOrNothing(entries: ManagedFieldsEntry[] | undefined): Managed {
  try {
    return decodeManaged(entries);
  } catch {
    return new Map();
  }
}

function encoded(managed: Managed): ManagedFieldsEntry[] | undefined {
  return managed.size === 0 ? undefined : encodeManaged(managed);
}

/** "namespace/name; version, Kind=kind", as errors name the object; what is no text in it counts as absent. */
function describe({ apiVersion = "", kind = "", metadata }: KubeObject): string {
  const slash = apiVersion.indexOf("/");
  const gvk =
    slash < 0
      ? `/${apiVersion}, Kind=${kind}`
      : `${apiVersion.slice(0, slash)}/${apiVersion.slice(slash + 1)}, Kind=${kind}`;
  return `${textOf(metadata?.namespace)}/${textOf(metadata?.name)}; ${gvk}`;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
