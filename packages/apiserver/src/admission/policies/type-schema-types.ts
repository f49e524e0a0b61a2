import type { TypeSchema } from "@knots/machinery";
import { types } from "@knots/cel";
import type { CelType } from "@knots/cel";

const { BOOL, BYTES, DOUBLE, DYN, INT, STRING, TIMESTAMP, listOf, mapOf, struct } = types;

type Scalar = Extract<TypeSchema, { kind: "scalar" }>["scalar"];

const SCALARS: Readonly<Record<Scalar, CelType>> = {
  string: STRING,
  bool: BOOL,
  int32: INT,
  int64: INT,
  float64: DOUBLE,
  bytes: BYTES,
  "int-or-string": DYN,
  quantity: DYN,
  time: TIMESTAMP,
  microtime: TIMESTAMP,
  duration: STRING,
};

const known = new WeakMap<TypeSchema, CelType>();

/** A type of the API as a type of the language. Fields are resolved when they are asked for: types may be recursive. */
export function celTypeOf(schema: TypeSchema): CelType {
  let type = known.get(schema);
  if (type === undefined) {
    type = convert(schema);
    known.set(schema, type);
  }
  return type;
}

function convert(schema: TypeSchema): CelType {
  switch (schema.kind) {
    case "scalar":
      return SCALARS[schema.scalar];
    case "list":
      return listOf(celTypeOf(schema.element));
    case "map":
      return mapOf(STRING, celTypeOf(schema.value));
    case "struct":
      return struct(schema.name === "" ? "object" : schema.name, {
        field(name) {
          const field = schema.fields.get(name);
          return field === undefined ? undefined : { type: celTypeOf(field.type) };
        },
      });
    case "any":
      return DYN;
  }
}
