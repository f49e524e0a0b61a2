import type { FieldError, FieldPath } from "../field.ts";
import { invalid, required } from "../field.ts";

/** A relative path without "..". */
export function validateDescendingPath(target: string, path: FieldPath, errors: FieldError[]): void {
  if (target.startsWith("/")) errors.push(invalid(path, target, "must be a relative path"));
  validateNoBackSteps(target, path, errors);
}

export function validateNoBackSteps(target: string, path: FieldPath, errors: FieldError[]): void {
  if (target.split("/").includes("..")) errors.push(invalid(path, target, "must not contain '..'"));
}

/** A relative path that does not begin with "..": a file inside a volume. */
export function validateNonDescendingStart(target: string, path: FieldPath, errors: FieldError[]): void {
  validateDescendingPath(target, path, errors);
  if (target.startsWith("..") && !target.startsWith("../"))
    errors.push(invalid(path, target, "must not start with '..'"));
}

interface KeyToPath {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

/** keys → files of a config map, secret or projection. */
export function validateKeyToPaths(
  items: readonly KeyToPath[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  items?.forEach((item, index) => validateKeyToPath(item, path.index(index), errors));
}

export function validateKeyToPath(item: KeyToPath, at: FieldPath, errors: FieldError[]): void {
  if (!item.key) errors.push(required(at.child("key"), ""));
  if (!item.path) errors.push(required(at.child("path"), ""));
  validateNonDescendingStart(item.path, at.child("path"), errors);
  validateMode(item.mode, at.child("mode"), errors);
}

export function validateMode(mode: number | undefined, path: FieldPath, errors: FieldError[]): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) {
    const why = "must be a number between 0 and 0777 (octal), both inclusive";
    errors.push(invalid(path, mode, why));
  }
}
