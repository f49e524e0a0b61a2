import type { TypeSchema } from "../schema.ts";
import type { FieldSet } from "./field-set.ts";
import { fieldElement } from "./path-element.ts";
import { ANY, childSchema, isEmptyValue, isObject, itemElement, shapeOf } from "./typed.ts";
import type { JsonObject, Typing } from "./typed.ts";

/**
 * A value without these fields. Containers that become empty stay where they are not to be removed themselves; items of
 * lists, whose keys have gone, do not. The value is not changed; parts are shared.
 */
export function removeFields(value: unknown, fields: FieldSet, { schema = ANY, untyped }: Typing): unknown {
  return remove(value, fields, schema, untyped);
}

function remove(value: unknown, fields: FieldSet, schema: TypeSchema, untyped: Typing["untyped"]): unknown {
  if (fields.children.size === 0) return value;
  const shape = shapeOf(schema, untyped, value);
  if (shape === "map" && isObject(value)) {
    const result: JsonObject = { ...value };
    for (const name of Object.keys(value)) {
      const child = fields.children.get(fieldElement(name));
      if (child === undefined) continue;
      if (child.member) delete result[name];
      else result[name] = remove(value[name], child, childSchema(schema, name), untyped);
    }
    return result;
  }
  if (shape === "list" && schema.kind === "list" && Array.isArray(value)) {
    const result: unknown[] = [];
    for (const item of value as unknown[]) {
      const child = fields.children.get(itemElement(schema, item));
      if (child === undefined) result.push(item);
      else if (!child.member) {
        const rest = remove(item, child, schema.element, untyped);
        if (!isEmptyValue(rest)) result.push(rest);
      }
    }
    return result;
  }
  return value;
}
