// A type with one of everything, and values that fit it, for tests.
import fc from "fast-check";
import type { FieldSchema, TypeSchema } from "../schema.ts";
import { everyField } from "./field-filter.ts";
import type { Typing } from "./typed.ts";
import type { TypedVersions } from "./updater.ts";

export const string: TypeSchema = { kind: "scalar", scalar: "string" };
export const number: TypeSchema = { kind: "scalar", scalar: "int64" };

export function struct(
  fields: Record<string, TypeSchema | FieldSchema>,
  extra: { structType?: "atomic"; preserveUnknown?: true } = {},
): TypeSchema {
  const entries = Object.entries(fields).map(([name, field]): [string, FieldSchema] => [
    name,
    "name" in field && "type" in field ? field : { name, type: field },
  ]);
  return { kind: "struct", name: "", fields: new Map(entries), ...extra };
}

export const list = (listType: "atomic" | "set" | "map", element: TypeSchema, ...mapKeys: string[]): TypeSchema => ({
  kind: "list",
  listType,
  element,
  ...(mapKeys.length === 0 ? {} : { mapKeys }),
});

export const map = (value: TypeSchema, mapType: "atomic" | "granular" = "granular"): TypeSchema => ({
  kind: "map",
  value,
  mapType,
});

/** A field that is always written, with the value it has when nobody set it. */
const zeroed = (name: string, type: TypeSchema, zero: string): FieldSchema => ({ name, type, zero }) as FieldSchema;

const container = struct({
  name: string,
  image: string,
  args: list("atomic", string),
  ports: list(
    "map",
    struct({ port: number, protocol: { name: "protocol", type: string, default: "TCP" }, title: string }),
    "port",
    "protocol",
  ),
  resources: zeroed("resources", struct({ limits: map(string) }), "struct"),
});

export const metadata = struct({
  name: string,
  namespace: string,
  uid: string,
  resourceVersion: string,
  labels: map(string),
  annotations: map(string),
  finalizers: list("set", string),
  managedFields: list("atomic", struct({}, { preserveUnknown: true })),
});

export const schema = struct({
  apiVersion: string,
  kind: string,
  metadata: zeroed("metadata", metadata, "struct"),
  spec: zeroed(
    "spec",
    struct({
      replicas: number,
      mode: zeroed("mode", string, "string"),
      selector: map(string, "atomic"),
      whole: struct({ a: string, b: string }, { structType: "atomic" }),
      containers: zeroed("containers", list("map", container, "name"), "list"),
      nested: map(map(string)),
    }),
    "struct",
  ),
  status: zeroed("status", struct({ phase: string }), "struct"),
});

export const typing: Typing = { schema, untyped: "atomic" };
export const deduced: Typing = { schema: undefined, untyped: "deduced" };

/** One version, nothing reset. */
export function oneVersion(of: Typing = typing, apiVersion = "v1"): TypedVersions {
  return {
    typing: (asked) => (asked === apiVersion ? of : undefined),
    convert: (object) => object,
    filter: () => everyField,
  };
}

const word = fc.constantFrom("a", "b", "c", "ab", "a.b/c", "");
const name = fc.constantFrom("a", "b", "c", "d");
const words = fc.dictionary(word, word, { maxKeys: 3 });
const some = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T, never>(model, { requiredKeys: [] });

const portValue = fc.record(
  { port: fc.integer({ min: 1, max: 3 }), protocol: fc.constantFrom("TCP", "UDP"), title: word },
  { requiredKeys: ["port"] },
);

const containerValue = fc.record(
  {
    name,
    image: word,
    args: fc.array(word, { maxLength: 2 }),
    ports: fc.uniqueArray(portValue, {
      maxLength: 3,
      selector: ({ port, protocol = "TCP" }) => `${port}/${protocol}`,
    }),
    resources: some({ limits: words }),
  },
  { requiredKeys: ["name"] },
);

export const specValue = some({
  replicas: fc.option(fc.integer({ min: 0, max: 2 })),
  mode: word,
  selector: words,
  whole: some({ a: word, b: word }),
  containers: fc.uniqueArray(containerValue, { maxLength: 3, selector: (each) => each.name }),
  nested: fc.dictionary(word, words, { maxKeys: 2 }),
});

/** Objects of the type. */
export const objectValue = fc.record({
  apiVersion: fc.constant("v1"),
  kind: fc.constant("Thing"),
  metadata: fc.record(
    { name: fc.constant("x"), labels: words, finalizers: fc.uniqueArray(name, { maxLength: 2 }) },
    { requiredKeys: ["name"] },
  ),
  spec: specValue,
});
