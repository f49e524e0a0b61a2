import type { ManagedFieldsEntry } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, tooLong } from "../field.ts";

const MAX_FIELD_MANAGER = 128;
const MAX_SUBRESOURCE = 256;

export function validateManagedFields(
  entries: readonly ManagedFieldsEntry[],
  path: FieldPath,
  errors: FieldError[],
): void {
  for (const [index, entry] of entries.entries()) {
    const { operation = "", fieldsType = "", manager = "", subresource = "" } = entry;
    // The server's own entries need no paths.
    if ((operation === "Update" || operation === "Apply") && fieldsType === "FieldsV1" && isPlain(manager)) {
      if (subresource.length <= MAX_SUBRESOURCE) continue;
    }
    const at = path.index(index);
    if (operation !== "Apply" && operation !== "Update") {
      errors.push(invalid(at.child("operation"), operation, "must be `Apply` or `Update`"));
    }
    if (fieldsType !== "" && fieldsType !== "FieldsV1") {
      errors.push(invalid(at.child("fieldsType"), fieldsType, "must be `FieldsV1`"));
    }
    validateFieldManager(manager, at.child("manager"), errors);
    if (subresource.length > MAX_SUBRESOURCE) {
      errors.push(tooLong(at.child("subresource"), subresource, MAX_SUBRESOURCE));
    }
  }
}

/** A manager's name, from an entry or a request's parameter. */
export function validateFieldManager(manager: string, path: FieldPath, errors: FieldError[]): void {
  if (isPlain(manager)) return;
  if (Buffer.byteLength(manager) > MAX_FIELD_MANAGER) errors.push(tooLong(path, manager, MAX_FIELD_MANAGER));
  let at = 0;
  for (const character of manager) {
    if (!PRINTABLE.test(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      errors.push(invalid(path, manager, `invalid character U+${code} (at position ${at})`));
    }
    at += Buffer.byteLength(character);
  }
}

const PRINTABLE_ASCII = /^[ -~]*$/;

function isPlain(manager: string): boolean {
  return manager.length <= MAX_FIELD_MANAGER && PRINTABLE_ASCII.test(manager);
}

/** What Go's unicode.IsPrint takes: letters, marks, numbers, punctuation, symbols and the ASCII space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
