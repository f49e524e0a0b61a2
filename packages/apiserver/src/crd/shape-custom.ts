import { modelSchema, validateShape } from "@knots/api";
import type { ShapeReport } from "@knots/api";
import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { addAll, FieldPath, formatFieldError, invalid } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { itemsOf, valuesOf } from "@knots/cel/structural-schema";
import { isObject, prune } from "./structural.ts";

/**
 * Brings a custom object into shape, in place: what its schema does not describe goes, and the metadata, which no
 * schema describes, of it and of the objects embedded in it is read as every object's is.
 */
export function shapeCustom(object: KubeObject, schema: JSONSchemaProps | undefined): ShapeReport {
  const report: ShapeReport = { unknownFields: [], errors: [] };
  const { metadata } = object;
  if (metadata !== undefined) {
    const found = shapeMetadata(metadata);
    addAll(
      report.unknownFields,
      found.unknownFields.map((path) => `metadata.${path}`),
    );
    addAll(report.errors, found.errors);
  }
  if (schema === undefined) return report;
  addAll(report.unknownFields, prune(object, schema, true));
  if (embeds(schema)) shapeEmbedded(object, schema, undefined, report);
  return report;
}

function shapeMetadata(metadata: unknown): ShapeReport {
  const schema = modelSchema("meta/v1.ObjectMeta");
  if (schema === undefined) throw new Error("the API's types have no ObjectMeta");
  return validateShape(schema, metadata, { mode: "strict" });
}

function shapeEmbedded(
  value: unknown,
  schema: JSONSchemaProps,
  path: FieldPath | undefined,
  report: ShapeReport,
): void {
  if (!embeds(schema)) return;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items !== undefined && path !== undefined)
      value.forEach((item, i) => shapeEmbedded(item, items, path.index(i), report));
    return;
  }
  if (!isObject(value)) return;
  const { metadata } = value;
  if (schema["x-kubernetes-embedded-resource"] === true && path !== undefined && metadata !== undefined) {
    const at = path.child("metadata");
    const found = shapeMetadata(metadata);
    addAll(
      report.unknownFields,
      found.unknownFields.map((each) => `${String(at)}.${each}`),
    );
    addAll(
      report.errors,
      found.errors.map((text) => formatFieldError(invalid(at, metadata, text))),
    );
  }
  const values = valuesOf(schema);
  for (const [key, inner] of Object.entries(value)) {
    const property =
      schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    if (property !== undefined) shapeEmbedded(inner, property, path?.child(key) ?? FieldPath.root(key), report);
    else if (values !== undefined) shapeEmbedded(inner, values, path?.key(key) ?? FieldPath.root(key), report);
  }
}

const embedding = new WeakMap<JSONSchemaProps, boolean>();

/** Whether objects are embedded anywhere below. */
function embeds(schema: JSONSchemaProps): boolean {
  const known = embedding.get(schema);
  if (known !== undefined) return known;
  const below = [itemsOf(schema), valuesOf(schema), ...Object.values(schema.properties ?? {})];
  const found =
    schema["x-kubernetes-embedded-resource"] === true || below.some((each) => each !== undefined && embeds(each));
  embedding.set(schema, found);
  return found;
}
