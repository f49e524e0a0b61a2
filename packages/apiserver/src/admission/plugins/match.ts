import type { AdmissionAttributes, AdmissionOperation } from "../types.ts";

/** True for an operation on a resource of the core or another group, the subresource being exactly `subresource`. */
export function concerns(
  attributes: AdmissionAttributes,
  resource: string,
  operations: readonly AdmissionOperation[],
  group = "",
  subresource = "",
): boolean {
  return (
    attributes.resource === resource &&
    attributes.group === group &&
    attributes.subresource === subresource &&
    operations.includes(attributes.operation)
  );
}
