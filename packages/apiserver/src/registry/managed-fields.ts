import type { ManagedFieldsEntry } from "@knots/machinery";
import { decodeManaged, equalValues } from "@knots/machinery/managed-fields/index";
import { deepEqual } from "./metadata.ts";
import type { StoredObject } from "./metadata.ts";

/** Whether two states differ in nothing but the times of managed fields: such a write is none, and the times stay. */
export function differsInTimesAlone(next: StoredObject, old: StoredObject): boolean {
  const { managedFields } = next.metadata;
  const theirs = old.metadata.managedFields;
  if (managedFields === undefined || theirs === undefined || managedFields === theirs) return false;
  if (managedFields.length !== theirs.length) return false;
  for (const [index, entry] of managedFields.entries()) {
    if (!equalValues(withoutTime(entry), withoutTime(theirs[index] ?? {}))) return false;
  }
  return deepEqual({ ...next, metadata: { ...next.metadata, managedFields: theirs } }, old);
}

function withoutTime({ time: _time, ...entry }: ManagedFieldsEntry): ManagedFieldsEntry {
  return entry;
}

/** What is wrong with an object's managed fields; `before` is known to be right. */
export function brokenManagedFields(
  object: StoredObject,
  before: ManagedFieldsEntry[] | undefined,
): string | undefined {
  const { managedFields } = object.metadata;
  if (managedFields === undefined || managedFields === before) return undefined;
  try {
    decodeManaged(managedFields);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
