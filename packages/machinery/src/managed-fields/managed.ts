import type { KubeObject, ManagedFieldsEntry } from "../object.ts";
import type { FieldSet } from "./field-set.ts";
import { decodeFields, encodeFields, isPlain } from "./fields-v1.ts";
import type { FieldsV1 } from "./fields-v1.ts";
import { internFields, sharedSet } from "./interned-fields.ts";

/** Who writes: what tells one entry of managedFields from another. */
export interface Manager {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  /** The version whose fields the set names. */
  readonly apiVersion: string;
  /** "" for the resource itself. */
  readonly subresource: string;
}

/** A manager and what it owns. */
export interface ManagedSet extends Manager {
  /** As metadata has it; of the manager's last change. */
  readonly time: string | undefined;
  readonly set: FieldSet;
}

/** Everybody's fields, by manager identifier. */
export type Managed = Map<string, ManagedSet>;

/** One manager has one entry for each version it updates, and a single one for what it applies. */
export function managerId({ manager, operation, apiVersion, subresource }: Manager): string {
  return JSON.stringify({
    ...(manager === "" ? {} : { manager }),
    operation,
    ...(operation === "Apply" || apiVersion === "" ? {} : { apiVersion }),
    ...(subresource === "" ? {} : { subresource }),
  });
}

/** Throws on an entry that no server wrote, in upstream's words. */
export function decodeManaged(entries: readonly ManagedFieldsEntry[] | undefined): Managed {
  const managed: Managed = new Map();
  for (const [index, entry] of (entries ?? []).entries()) {
    const { operation, apiVersion = "", fieldsType = "" } = entry;
    if (operation !== "Apply" && operation !== "Update") throw new Error("operation must be `Apply` or `Update`");
    if (apiVersion === "") throw new Error("apiVersion must not be empty");
    if (fieldsType === "") throw new Error(`missing fieldsType in managed fields entry ${index}`);
    if (fieldsType !== "FieldsV1") {
      throw new Error(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`);
    }
    const manager: Manager = {
      manager: entry.manager ?? "",
      operation,
      apiVersion,
      subresource: entry.subresource ?? "",
    };
    managed.set(managerId(manager), {
      ...manager,
      time: entry.time ?? undefined,
      set: setOf(entry.fieldsV1 ?? {}),
    });
  }
  return managed;
}

/** In upstream's order: appliers first, then by time, name, version and subresource. */
export function encodeManaged(managed: Managed): ManagedFieldsEntry[] {
  return Array.from(managed.values()).sort(compareManagers).map(encodeEntry);
}

function encodeEntry({ manager, operation, apiVersion, time, subresource, set }: ManagedSet): ManagedFieldsEntry {
  return {
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: "FieldsV1",
    fieldsV1: fieldsOf(set),
    ...(subresource === "" ? {} : { subresource }),
  };
}

/** What a set was decoded from, so that a set that did not change is not encoded again. */
const sources = new WeakMap<FieldSet, FieldsV1>();

function setOf(fields: Record<string, unknown>): FieldSet {
  const source = fields as FieldsV1;
  const set = sharedSet(source, decodeFields);
  // What a client wrote in its own way is written in ours.
  if (sources.get(set) === undefined && isPlain(source)) sources.set(set, source);
  return set;
}

/** A set's form, shared with other objects. */
function fieldsOf(set: FieldSet): FieldsV1 {
  return sources.get(set) ?? internFields(JSON.stringify(encodeFields(set)));
}

function compareManagers(a: ManagedSet, b: ManagedSet): number {
  return (
    order(a.operation, b.operation) ||
    secondsOf(a) - secondsOf(b) ||
    order(a.manager, b.manager) ||
    order(a.apiVersion, b.apiVersion) ||
    order(a.subresource, b.subresource)
  );
}

function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Seconds since the epoch; 0 for an entry without a time. */
export function secondsOf({ time }: { readonly time: string | undefined }): number {
  return time === undefined ? 0 : Math.floor(Date.parse(time) / 1000);
}

/** A client's way to say that it wants no managed fields: an empty list, or one empty entry. */
export function isReset(object: KubeObject): boolean {
  const entries = object.metadata?.managedFields;
  if (entries === undefined || entries === null) return false;
  if (entries.length === 0) return true;
  return (
    entries.length === 1 && Object.values(entries[0] ?? {}).every((value) => value === undefined || value === null)
  );
}
