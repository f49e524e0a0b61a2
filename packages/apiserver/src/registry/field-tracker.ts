import type { Operation } from "./operation.ts";
import type { StoredObject } from "./metadata.ts";
import type { StoredType } from "./resource-type.ts";

/** Keeps metadata.managedFields of objects that are created or updated by other means than server-side apply. */
export interface FieldTracker {
  /** `now` is in milliseconds since the epoch. */
  onCreate(type: StoredType, object: StoredObject, op: Operation, now: number): void;
  onUpdate(type: StoredType, next: StoredObject, old: StoredObject, op: Operation, now: number): void;
}
