// Values by their schema: of the right shape, and for the most part against the rules.
import type { FieldSchema, TypeSchema } from "@knots/machinery";
import type { Random } from "./random.ts";
import { anyValue, NUMBERS, record, set, STRINGS } from "./values.ts";

const INTEGERS = NUMBERS.filter(
  (value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31 && !Object.is(value, -0),
);
const QUANTITIES = ["0", "1", "100m", "1Gi", "-1", "1.5", "1e3", "0.0000000001", "1Ei"];
const TIMES = ["2026-01-02T03:04:05Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"];
const DURATIONS = ["1s", "0s", "-1h", "1h30m"];
const MAP_KEYS = ["a", "app", "example.com/a", "cpu", "memory", "requests.cpu", "constructor", "__proto__", "Bad Key"];

/** A value of the schema, `depth` levels deep. */
export function generate(random: Random, schema: TypeSchema, depth = 4): unknown {
  switch (schema.kind) {
    case "scalar":
      return scalar(random, schema);
    case "any":
      return anyValue(random, 2);
    case "list":
      return Array.from({ length: depth > 0 ? random.below(3) : 0 }, () => generate(random, schema.element, depth - 1));
    case "map":
      return record(
        Array.from({ length: depth > 0 ? random.below(3) : 0 }, () => [
          random.pick(MAP_KEYS),
          generate(random, schema.value, depth - 1),
        ]),
      );
    case "struct": {
      if (depth <= 0) return {};
      const chosen = [...schema.fields.values()].filter((field) => field.required === true || random.chance(0.25));
      return record(chosen.map((field) => [field.name, generate(random, field.type, depth - 1)]));
    }
  }
}

function scalar(random: Random, schema: Extract<TypeSchema, { kind: "scalar" }>): unknown {
  switch (schema.scalar) {
    case "string":
      return schema.enum !== undefined && schema.enum.length > 0 && random.chance(0.8)
        ? random.pick(schema.enum)
        : random.pick(STRINGS);
    case "bool":
      return random.chance(0.5);
    case "int32":
    case "int64":
      return random.pick(INTEGERS);
    case "float64":
      return random.pick(NUMBERS);
    case "bytes":
      return random.pick(["", "AA==", "e30=", "////"]);
    case "int-or-string":
      return random.chance(0.5) ? random.pick(INTEGERS) : random.pick(STRINGS);
    case "quantity":
      return random.pick(QUANTITIES);
    case "time":
    case "microtime":
      return random.pick(TIMES);
    case "duration":
      return random.pick(DURATIONS);
  }
}

/** A copy of an object of the schema in which one field, somewhere, was given a value of its own type. */
export function mutateBySchema(random: Random, schema: TypeSchema, object: unknown): unknown {
  const copy = structuredClone(object);
  for (let left = 1 + random.below(4); left > 0; left--) change(random, schema, copy);
  return copy;
}

/** Goes down at random and sets something on the way. */
function change(random: Random, schema: TypeSchema, value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (schema.kind === "list" && Array.isArray(value)) {
    if (value.length === 0 || random.chance(0.2)) value.push(generate(random, schema.element, 2));
    else descend(random, schema.element, value, random.below(value.length));
  } else if (schema.kind === "map" && !Array.isArray(value)) {
    const keys = Object.keys(value);
    if (keys.length === 0 || random.chance(0.3)) set(value, random.pick(MAP_KEYS), generate(random, schema.value, 2));
    else descend(random, schema.value, value, random.pick(keys));
  } else if (schema.kind === "struct" && !Array.isArray(value)) {
    const fields: FieldSchema[] = [...schema.fields.values()];
    if (fields.length === 0) return;
    const field = random.pick(fields);
    descend(random, field.type, value, field.name);
  }
}

function descend(random: Random, schema: TypeSchema, parent: object, key: string | number): void {
  const current = (parent as Record<string | number, unknown>)[key];
  const inside = typeof current === "object" && current !== null && random.chance(0.85);
  if (inside) change(random, schema, current);
  else set(parent, key, generate(random, schema, 3));
}
