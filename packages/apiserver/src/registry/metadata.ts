import { randomUUID } from "node:crypto";
import { formatTime } from "@knots/machinery";
import type { KubeObject, ObjectMeta } from "@knots/machinery";

/** An object whose metadata is certainly there. */
export type StoredObject = KubeObject & { metadata: ObjectMeta };

/** Makes sure there is metadata, and says so to the type system. */
export function withMetadata(object: KubeObject): StoredObject {
  object.metadata ??= {};
  return object as StoredObject;
}

/** What the server alone sets on a new object; nobody else has a say in it. */
export function fillSystemFields(object: StoredObject, now: number): void {
  clearSystemFields(object);
  object.metadata.uid = randomUUID();
  object.metadata.creationTimestamp = formatTime(new Date(now));
}

/** Takes from a new object what a client may not set. */
export function clearSystemFields({ metadata }: StoredObject): void {
  delete metadata.uid;
  delete metadata.creationTimestamp;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete (metadata as { selfLink?: string }).selfLink;
}

/** On update the server's fields keep their old values, whatever was sent. */
export function keepSystemFields(next: StoredObject, old: StoredObject): void {
  const from = old.metadata;
  const to = next.metadata;
  copy(from, to, "uid");
  copy(from, to, "creationTimestamp");
  copy(from, to, "deletionTimestamp");
  copy(from, to, "deletionGracePeriodSeconds");
  copy(from, to, "generation");
  if (to.name === undefined || to.name === "") copy(from, to, "name");
  if (to.namespace === undefined || to.namespace === "") copy(from, to, "namespace");
  delete (to as { selfLink?: string }).selfLink;
}

function copy<K extends keyof ObjectMeta>(from: ObjectMeta, to: ObjectMeta, field: K): void {
  const value = from[field];
  if (value === undefined) delete to[field];
  else to[field] = value;
}

/** Structural equality of JSON values; absent and undefined are the same. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!deepEqual(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let count = 0;
  for (const key in left) {
    const value = left[key];
    if (value === undefined) continue;
    if (!deepEqual(value, right[key])) return false;
    count++;
  }
  for (const key in right) if (right[key] !== undefined) count--;
  return count === 0;
}
