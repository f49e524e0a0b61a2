import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { modelSchema } from "@knots/api";
import type { FieldSchema, TypeSchema } from "@knots/machinery";
import { itemsOf, valuesOf } from "@knots/cel/structural-schema";

const ANY: TypeSchema = { kind: "any", preserveUnknown: true };

/** A structural schema as merging (server-side apply) sees it. `root`: an object with metadata. */
export function toTypeSchema(schema: JSONSchemaProps, root = false): TypeSchema {
  if (schema["x-kubernetes-int-or-string"] === true) return { kind: "scalar", scalar: "int-or-string" };
  switch (schema.type) {
    case "string":
      return { kind: "scalar", scalar: "string" };
    case "boolean":
      return { kind: "scalar", scalar: "bool" };
    case "integer":
      return { kind: "scalar", scalar: "int64" };
    case "number":
      return { kind: "scalar", scalar: "float64" };
    case "array":
      return listSchema(schema);
    case "object":
      return objectSchema(schema, root);
    default:
      return ANY;
  }
}

function listSchema(schema: JSONSchemaProps): TypeSchema {
  const items = itemsOf(schema);
  const type = schema["x-kubernetes-list-type"];
  const listType = type === "set" || type === "map" ? type : "atomic";
  const keys = schema["x-kubernetes-list-map-keys"];
  return {
    kind: "list",
    element: items === undefined ? ANY : toTypeSchema(items),
    listType,
    ...(keys === undefined ? {} : { mapKeys: [...keys] }),
  };
}

function objectSchema(schema: JSONSchemaProps, root: boolean): TypeSchema {
  const values = valuesOf(schema);
  const atomic = schema["x-kubernetes-map-type"] === "atomic";
  if (values !== undefined) {
    return { kind: "map", value: toTypeSchema(values), mapType: atomic ? "atomic" : "granular" };
  }
  const embedded = schema["x-kubernetes-embedded-resource"] === true;
  if (!root && !embedded && schema.properties === undefined) return ANY;
  const fields = new Map<string, FieldSchema>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    fields.set(name, {
      name,
      type: toTypeSchema(property),
      ...(property.nullable === true ? { nullable: true } : {}),
      // Keys of lists that are not given have their default.
      ...(property.default === undefined ? {} : { default: property.default }),
    });
  }
  if (root || embedded) {
    for (const name of ["apiVersion", "kind"]) fields.set(name, { name, type: { kind: "scalar", scalar: "string" } });
    fields.set("metadata", { name: "metadata", type: modelSchema("meta/v1.ObjectMeta") ?? ANY });
  }
  return {
    kind: "struct",
    name: "",
    fields,
    structType: atomic ? "atomic" : "granular",
    ...(schema["x-kubernetes-preserve-unknown-fields"] === true ? { preserveUnknown: true as const } : {}),
  };
}
