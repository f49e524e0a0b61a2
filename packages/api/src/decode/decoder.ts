import type { FieldSchema, TypeSchema } from "@knots/machinery";
import { JSON_SCHEMA, modelSchema } from "../schema/api-schema.ts";
import type { ApiAnySchema, ApiFieldSchema } from "../schema/api-schema.ts";
import type { DecodeContext } from "./context.ts";
import { scalarDecoder } from "./scalars.ts";
import type { Decoder } from "./scalars.ts";

const compiled = new WeakMap<TypeSchema, Decoder>();

type JsonObject = Record<string, unknown>;

/** The decoder of a schema, compiled once. Decoders change objects in place and return the value to keep. */
export function decoderFor(schema: TypeSchema): Decoder {
  let decoder = compiled.get(schema);
  if (!decoder) {
    decoder = compile(schema);
    compiled.set(schema, decoder);
  }
  return decoder;
}

function compile(schema: TypeSchema): Decoder {
  switch (schema.kind) {
    case "scalar":
      return scalarDecoder(schema);
    case "any":
      return anyDecoder(schema);
    case "list":
      return listDecoder(schema);
    case "map":
      return mapDecoder(schema);
    case "struct":
      return structDecoder(schema);
  }
}

function anyDecoder({ schemaOr }: ApiAnySchema): Decoder {
  if (schemaOr === undefined) return (value) => value;
  let single: Decoder | undefined;
  let list: Decoder | undefined;
  return function decodeSchemaOr(value, ctx) {
    single ??= decoderFor(jsonSchema());
    if (isObject(value)) return single(value, ctx);
    if (schemaOr === "bool") {
      if (typeof value !== "boolean") ctx.errors.push("boolean or JSON schema expected");
      return value;
    }
    const element: TypeSchema = schemaOr === "array" ? jsonSchema() : { kind: "scalar", scalar: "string" };
    list ??= decoderFor({ kind: "list", element, listType: "atomic" });
    return list(value, ctx);
  };
}

function jsonSchema(): TypeSchema {
  const schema = modelSchema(JSON_SCHEMA);
  if (schema === undefined) throw new Error(`the schema data lack ${JSON_SCHEMA}`);
  return schema;
}

function listDecoder(schema: Extract<TypeSchema, { kind: "list" }>): Decoder {
  let element: Decoder | undefined;
  let nullElement: (() => unknown) | undefined;
  return function decodeList(value, ctx) {
    if (!Array.isArray(value)) {
      ctx.mismatch(value, goTypeName(schema), "slice");
      return value;
    }
    element ??= decoderFor(schema.element);
    const list = value as unknown[];
    const depth = ctx.path.length;
    for (let index = 0; index < list.length; index++) {
      ctx.path[depth] = index;
      let each = list[index];
      if (each === null) {
        nullElement ??= zeroMaker(schema.element);
        each = nullElement();
      }
      list[index] = each === null ? null : element(each, ctx);
    }
    ctx.path.length = depth;
    return list;
  };
}

function mapDecoder(schema: Extract<TypeSchema, { kind: "map" }>): Decoder {
  let element: Decoder | undefined;
  let nullElement: (() => unknown) | undefined;
  return function decodeMap(value, ctx) {
    if (!isObject(value)) {
      ctx.mismatch(value, goTypeName(schema), "map");
      return value;
    }
    element ??= decoderFor(schema.value);
    const depth = ctx.path.length;
    for (const key in value) {
      ctx.path[depth] = key;
      let each = value[key];
      if (each === null) {
        nullElement ??= zeroMaker(schema.value);
        each = nullElement();
        value[key] = each;
      }
      if (each === null) continue;
      const kept = element(each, ctx);
      if (kept !== each) value[key] = kept;
    }
    ctx.path.length = depth;
    return value;
  };
}

interface CompiledField {
  readonly decode: Decoder;
  /** Whether Go would leave the value out; undefined when it always stays. */
  readonly isZero: ((value: unknown) => boolean) | undefined;
  readonly nullable: boolean;
}

function structDecoder(schema: Extract<TypeSchema, { kind: "struct" }>): Decoder {
  let fields: Map<string, CompiledField> | undefined;
  let zeros: [name: string, make: () => unknown][] = [];
  const prepare = (): Map<string, CompiledField> => {
    const table = new Map<string, CompiledField>();
    for (const field of schema.fields.values()) {
      const api = field as Partial<ApiFieldSchema> & FieldSchema;
      table.set(field.name, {
        // Looked up at first use: the type may be the one that is being compiled.
        decode: lazy(field.type),
        // A default other than the zero value is set afterwards.
        isZero: api.omitEmpty === true && !api.pointer ? zeroTest(field.type) : undefined,
        nullable: field.nullable === true,
      });
      if (api.zero) zeros.push([field.name, fieldZero(api.zero, field.type)]);
    }
    zeros = [...zeros];
    return table;
  };
  return function decodeStruct(value, ctx) {
    if (!isObject(value)) {
      ctx.mismatch(value, `v1.${schema.name}`, "struct");
      return value;
    }
    fields ??= prepare();
    const depth = ctx.path.length;
    ctx.structs.push(schema.name);
    for (const key in value) {
      const field = fields.get(key);
      if (field === undefined) {
        ctx.path.length = depth;
        ctx.unknown(key);
        if (!ctx.keepUnknown) delete value[key];
        continue;
      }
      const given = value[key];
      if (given === null) {
        if (!field.nullable) delete value[key];
        continue;
      }
      ctx.path[depth] = key;
      const kept = field.decode(given, ctx);
      if (field.isZero?.(kept)) delete value[key];
      else if (kept !== given) value[key] = kept;
    }
    ctx.path.length = depth;
    ctx.structs.pop();
    for (const [name, make] of zeros) if (value[name] === undefined) value[name] = make();
    return value;
  };
}

function lazy(schema: TypeSchema): Decoder {
  let decoder: Decoder | undefined;
  return (value, ctx) => {
    decoder ??= decoderFor(schema);
    return decoder(value, ctx);
  };
}

/** A null element is the element's zero value, as in Go; null stays where the element is a pointer or anything. */
function zeroMaker(schema: TypeSchema): () => unknown {
  if (schema.kind === "struct") {
    const decode = decoderFor(schema);
    return () => decode({}, NO_CONTEXT());
  }
  if (schema.kind !== "scalar") return () => null;
  switch (schema.scalar) {
    case "string":
    case "bytes":
      return () => "";
    case "bool":
      return () => false;
    case "quantity":
      return () => "0";
    case "int32":
    case "int64":
    case "float64":
    case "int-or-string":
      return () => 0;
    default:
      return () => null;
  }
}

function fieldZero(zero: NonNullable<ApiFieldSchema["zero"]>, type: TypeSchema): () => unknown {
  switch (zero) {
    case "struct":
      return zeroStruct(type);
    case "list":
      return () => [];
    case "map":
      return () => ({});
    case "string":
      return () => "";
    case "int":
      return () => 0;
    case "bool":
      return () => false;
    case "quantity":
      return () => "0";
  }
}

/** An empty struct with the zero values inside it. */
function zeroStruct(type: TypeSchema): () => unknown {
  let decode: Decoder | undefined;
  return () => {
    decode ??= decoderFor(type);
    return decode({}, NO_CONTEXT());
  };
}

/** An empty object has nothing to report. */
const NO_CONTEXT = (): DecodeContext => ({ path: [], structs: [] }) as unknown as DecodeContext;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What Go leaves out under omitempty: zero numbers, false, empty strings, lists and maps; structs stay. */
function zeroTest(type: TypeSchema): ((value: unknown) => boolean) | undefined {
  if (type.kind === "list") return (value) => Array.isArray(value) && value.length === 0;
  if (type.kind === "map") return isEmptyMap;
  if (type.kind !== "scalar") return undefined;
  // Quantity and IntOrString are structs to Go.
  if (type.scalar === "quantity" || type.scalar === "int-or-string") return undefined;
  return (value) => value === "" || value === 0 || value === false;
}

function isEmptyMap(value: unknown): boolean {
  for (const _key in value as object) return false;
  return isObject(value);
}

/** The Go type of a list or map, as error texts name it: "[]v1.Container", "map[string]string". */
function goTypeName(schema: TypeSchema): string {
  switch (schema.kind) {
    case "list":
      return `[]${goTypeName(schema.element)}`;
    case "map":
      return `map[string]${goTypeName(schema.value)}`;
    case "struct":
      return `v1.${schema.name}`;
    case "any":
      return "interface {}";
    case "scalar":
      return "goName" in schema && typeof schema.goName === "string" ? schema.goName : goScalarName(schema.scalar);
  }
}

function goScalarName(scalar: string): string {
  if (scalar === "bytes") return "[]uint8";
  if (scalar === "quantity") return "resource.Quantity";
  if (scalar === "int-or-string") return "intstr.IntOrString";
  return scalar === "time" ? "v1.Time" : scalar;
}
