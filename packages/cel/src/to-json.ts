import { exactInteger } from "@knots/machinery";
import { CelList, CelMap } from "./collections.ts";
import { CelError } from "./errors.ts";
import { Duration, Timestamp } from "./time-values.ts";
import { CelObject, Optional, Uint, typeOfValue } from "./values.ts";
import type { Value } from "./values.ts";

/** A value as JSON. Throws CelError for what JSON cannot say. */
export function toJson(value: Value): unknown {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new CelError("a number that is not finite cannot be converted to JSON");
    return value;
  }
  if (typeof value === "bigint") return exactInteger(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Timestamp || value instanceof Duration) return value.toString();
  if (value instanceof CelList) return Array.from(value, toJson);
  if (value instanceof CelMap) return mapToJson(value);
  if (value instanceof Optional) return value.value === undefined ? null : toJson(value.value);
  throw new CelError(`a value of type ${typeOfValue(value).name} cannot be converted to JSON`);
}

function mapToJson(map: CelMap): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const key of map.keys()) {
    if (key instanceof CelObject || key instanceof Uint8Array) throw new CelError("JSON objects have names for keys");
    entries.push([String(key), toJson(map.get(key) ?? null)]);
  }
  // fromEntries defines properties: a key like __proto__ is a key like any other.
  return Object.fromEntries(entries);
}
