import type { FieldTracker } from "./field-tracker.ts";
import type { StoredObject } from "./metadata.ts";
import type { Operation } from "./operation.ts";
import type { StoredType } from "./resource-type.ts";

/**
 * metadata.managedFields of plain writes. Who owns which field is not recorded yet; what is recorded already survives
 * writers that leave it out, and an explicit empty list resets it, as upstream.
 */
export class ManagedFieldTracker implements FieldTracker {
  onCreate(_type: StoredType, object: StoredObject, _op: Operation, _now: number): void {
    delete object.metadata.managedFields;
  }

  onUpdate(_type: StoredType, next: StoredObject, old: StoredObject, _op: Operation, _now: number): void {
    const { managedFields } = next.metadata;
    if (managedFields === undefined) {
      if (old.metadata.managedFields !== undefined) next.metadata.managedFields = old.metadata.managedFields;
    } else if (managedFields.length === 0 || Object.keys(managedFields[0] ?? {}).length === 0) {
      delete next.metadata.managedFields;
    }
  }
}
