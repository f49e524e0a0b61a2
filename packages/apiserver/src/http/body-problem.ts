// What upstream says of a body that it cannot read (transformDecodeError).
import { newBadRequest } from "@knots/machinery";
import type { StatusError } from "@knots/machinery";

/** Bytes of a body that are shown. */
const SHOWN = 30;

/** The Go type that upstream reads kind and apiVersion into, as its errors print it. */
export const GO_TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** A body of which not even the kind can be told. */
export function bodyProblem(kind: string, problem: string, body: Uint8Array): StatusError {
  return newBadRequest(`the object provided is unrecognized (must be of type ${kind}): ${problem} (${summary(body)})`);
}

/** The beginning of what was sent: as text when it looks like JSON, else in hexadecimal. */
function summary(body: Uint8Array): string {
  if (body.length === 0) return "<empty>";
  const start = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, SHOWN));
  return start.toString(body[0] === 0x7b ? "utf8" : "hex") + (body.length > SHOWN ? " ..." : "");
}

/** Go's word for the type of a JSON value. */
export function goJsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value === "bigint" ? "number" : typeof value;
}
