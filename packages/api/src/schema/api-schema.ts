import type { FieldSchema, TypeSchema } from "@knots/machinery";
import { MODELS, PACKAGES } from "../generated/schema-data.ts";
import type { CompactField, CompactModel, CompactType } from "./compact.ts";

/** What built-in types know of a field beyond the common schema: its zero value and its place in protobuf. */
export interface ApiFieldSchema extends FieldSchema {
  /** What stands in JSON when nobody set it, as the reference implementation writes it. */
  readonly zero?: CompactField["z"];
  /** Left out of JSON when it has the zero value. */
  readonly omitEmpty: boolean;
  /** nil and the zero value differ. */
  readonly pointer: boolean;
  /** Protobuf field number, and the numbers of nested messages around it (inlined structs). */
  readonly proto?: number;
  readonly protoParents: readonly number[];
}

type StructSchema = Extract<TypeSchema, { kind: "struct" }>;
type ScalarSchema = Extract<TypeSchema, { kind: "scalar" }>;

/** A struct of a built-in type; `name` is the Go type's name ("PodSpec"). */
export interface ApiStructSchema extends StructSchema {
  readonly fields: ReadonlyMap<string, ApiFieldSchema>;
}

/** A named base type keeps its name, for error texts ("v1.RestartPolicy"). */
export interface ApiScalarSchema extends ScalarSchema {
  readonly goName?: string;
}

/** A JSON schema, or what may stand in its place. */
export interface ApiAnySchema extends Extract<TypeSchema, { kind: "any" }> {
  readonly schemaOr?: "array" | "bool" | "strings";
}

export const JSON_SCHEMA = "apiextensions/v1.JSONSchemaProps";
const SCHEMA_OR: Readonly<Record<string, ApiAnySchema["schemaOr"]>> = {
  [`${JSON_SCHEMA}OrArray`]: "array",
  [`${JSON_SCHEMA}OrBool`]: "bool",
  [`${JSON_SCHEMA}OrStringArray`]: "strings",
};

const BASE: Readonly<Record<string, TypeSchema>> = Object.fromEntries(
  (["string", "bool", "int32", "int64", "float64", "bytes"] as const).map((scalar) => [
    scalar,
    { kind: "scalar", scalar } satisfies TypeSchema,
  ]),
);

const models = new Map<string, TypeSchema>();
const atomicStructs = new Map<string, TypeSchema>();

/** The schema of a model by its short name ("core/v1.PodSpec"); the same object each time. */
export function modelSchema(name: string): TypeSchema | undefined {
  const known = models.get(name);
  if (known) return known;
  const data = MODELS[name];
  if (data === undefined) return undefined;
  const schema = decodeModel(name, JSON.parse(data) as CompactModel);
  models.set(name, schema);
  return schema;
}

/**
 * The schema of a kind, decoded on first use; undefined for kinds that are not built in. Kinds that exist in
 * every group (DeleteOptions, WatchEvent, Status, …) are found under any group and version.
 */
export function schemaFor(gvk: { group: string; version: string; kind: string }): TypeSchema | undefined {
  const module = PACKAGES[`${gvk.group}/${gvk.version}`];
  const own = module === undefined ? undefined : modelSchema(`${module}.${gvk.kind}`);
  return own ?? modelSchema(`meta/v1.${gvk.kind}`);
}

function decodeModel(name: string, data: CompactModel): TypeSchema {
  const typeName = name.slice(name.lastIndexOf(".") + 1);
  if (data.f) return structSchema(typeName, data.f, data.st);
  if (data.a !== undefined) return typeSchema(data.a);
  const schemaOr = SCHEMA_OR[name];
  if (schemaOr !== undefined) return { kind: "any", preserveUnknown: true, schemaOr } as ApiAnySchema;
  if (data.s === "any") return { kind: "any", preserveUnknown: true };
  const scalar = data.s as ScalarSchema["scalar"];
  const version = name.slice(name.indexOf("/") + 1, name.lastIndexOf("."));
  const schema: ApiScalarSchema = {
    kind: "scalar",
    scalar,
    ...(data.e ? { enum: [...data.e] } : {}),
    goName: `${version}.${typeName}`,
  };
  return schema;
}

/** Fields are decoded when first asked for: that ends recursion and keeps start-up cheap. */
function structSchema(
  name: string,
  fields: readonly CompactField[],
  structType?: "atomic" | "granular",
): ApiStructSchema {
  let decoded: ReadonlyMap<string, ApiFieldSchema> | undefined;
  return {
    kind: "struct",
    name,
    get fields() {
      decoded ??= new Map(fields.map((field) => [field.n, fieldSchema(field)]));
      return decoded;
    },
    ...(structType ? { structType } : {}),
  };
}

function fieldSchema(field: CompactField): ApiFieldSchema {
  return {
    name: field.n,
    type: fieldType(field),
    required: field.r === 1,
    nullable: field.nu === 1,
    omitEmpty: field.o === 1,
    pointer: field.ptr === 1,
    protoParents: field.pp ?? [],
    ...(field.d === undefined ? {} : { default: field.d }),
    ...(field.ps ? { patchStrategy: [...field.ps] } : {}),
    ...(field.pk === undefined ? {} : { patchMergeKey: field.pk }),
    ...(field.z ? { zero: field.z } : {}),
    ...(field.p === undefined ? {} : { proto: field.p }),
  };
}

function fieldType(field: CompactField): TypeSchema {
  const type = typeSchema(field.t);
  if (type.kind === "list" && (field.lt || field.lk)) {
    return {
      kind: "list",
      // Resolved late: the element may be the struct that is being decoded.
      get element() {
        return type.element;
      },
      listType: field.lt ?? "atomic",
      ...(field.lk ? { mapKeys: [...field.lk] } : {}),
    };
  }
  if (type.kind === "map" && field.mt) {
    return {
      kind: "map",
      get value() {
        return type.value;
      },
      mapType: field.mt,
    };
  }
  if (type.kind === "struct" && field.st && field.st !== type.structType) return withStructType(type, field.st);
  return type;
}

function withStructType(type: StructSchema, structType: "atomic" | "granular"): TypeSchema {
  const key = `${type.name} ${structType}`;
  let variant = atomicStructs.get(key);
  if (!variant) {
    variant = {
      kind: "struct",
      name: type.name,
      get fields() {
        return type.fields;
      },
      structType,
    };
    atomicStructs.set(key, variant);
  }
  return variant;
}

function typeSchema(type: CompactType): TypeSchema {
  if (typeof type !== "string") {
    if ("l" in type) {
      return {
        kind: "list",
        get element() {
          return typeSchema(type.l);
        },
        listType: "atomic",
      };
    }
    return {
      kind: "map",
      get value() {
        return typeSchema(type.m);
      },
    };
  }
  const schema = BASE[type] ?? modelSchema(type);
  if (!schema) throw new Error(`the schema data lack ${type}`);
  return schema;
}
