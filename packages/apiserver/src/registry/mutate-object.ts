import type { AdmissionAttributes } from "../admission/types.ts";
import { brokenManagedFields } from "./managed-fields.ts";
import { withMetadata } from "./metadata.ts";
import type { StoredObject } from "./metadata.ts";
import type { Operation } from "./operation.ts";

/** The object after mutating admission; managed fields that it broke are put back. Identity is for the caller to see to. */
export async function mutateObject(
  op: Operation,
  attributes: AdmissionAttributes,
  object: StoredObject,
): Promise<StoredObject> {
  if (op.admission === undefined) return object;
  const before = object.metadata.managedFields;
  await op.admission.mutate(attributes);
  const seen = attributes.object;
  if (seen === undefined) return object;
  const after = withMetadata(op.view === undefined ? seen : op.view.into(object, seen));
  const broken = brokenManagedFields(after, before);
  if (broken === undefined) return after;
  if (before === undefined) delete after.metadata.managedFields;
  else after.metadata.managedFields = before;
  op.warn(
    `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${broken}`,
  );
  return after;
}
