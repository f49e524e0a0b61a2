import { isDNS1123Subdomain } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { required, tooLong } from "../field.ts";
import { invalidFor } from "./names.ts";

const MAX_DRIVER_NAME = 63;

/** The name of a CSI driver, in letters of either case. */
export function validateDriverName(name: string | undefined, path: FieldPath, errors: FieldError[]): void {
  if (!name) return void errors.push(required(path));
  if (name.length > MAX_DRIVER_NAME) errors.push(tooLong(path, name, MAX_DRIVER_NAME));
  invalidFor(isDNS1123Subdomain(name.toLowerCase()), name, path, errors);
}
