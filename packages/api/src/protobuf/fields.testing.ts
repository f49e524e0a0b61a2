// Reads protobuf without a table of messages: what stands at which field numbers.
import { expect } from "vitest";
import { BYTES, FIXED64, VARINT, WireReader } from "./wire.ts";

export type Value = number | Uint8Array;

function fieldsOf(message: Uint8Array): [number, Value][] {
  const reader = new WireReader(message);
  const fields: [number, Value][] = [];
  while (!reader.done) {
    const tag = reader.varint();
    const type = tag % 8;
    const value = type === VARINT ? reader.varint() : type === FIXED64 ? reader.double() : reader.bytes();
    expect([VARINT, FIXED64, BYTES]).toContain(type);
    fields.push([Math.floor(tag / 8), value]);
  }
  return fields;
}

/** All values at a path of field numbers. */
export function at(message: Uint8Array, ...path: number[]): Value[] {
  let found: Value[] = [message];
  for (const number of path) {
    found = found.flatMap((value) =>
      fieldsOf(value as Uint8Array).flatMap(([field, inner]) => (field === number ? [inner] : [])),
    );
  }
  return found;
}

export const texts = (values: readonly Value[]): string[] =>
  values.map((value) => Buffer.from(value as Uint8Array).toString("utf8"));
