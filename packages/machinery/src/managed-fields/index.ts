// Managed fields and server-side apply, as pure functions of objects.
export { capUpdateManagers, MAX_UPDATE_MANAGERS } from "./cap.ts";
export { compare, isSame } from "./compare.ts";
export { everyField, onlyFields, withoutFields } from "./field-filter.ts";
export type { FieldFilter } from "./field-filter.ts";
export { trackApply, trackUpdate } from "./field-manager.ts";
export type { Writer } from "./field-manager.ts";
export { FieldSet, fieldPath } from "./field-set.ts";
export { decodeFields, encodeFields } from "./fields-v1.ts";
export { fieldsText } from "./interned-fields.ts";
export { decodeManaged, encodeManaged, managerId } from "./managed.ts";
export type { Managed, ManagedSet, Manager } from "./managed.ts";
export { merge } from "./merge.ts";
export { removeFields } from "./remove.ts";
export { toFieldSet } from "./to-field-set.ts";
export { TypedError, equalValues } from "./typed.ts";
export type { Typing } from "./typed.ts";
export type { TypedVersions } from "./updater.ts";
export { validateTyped } from "./validate-typed.ts";
