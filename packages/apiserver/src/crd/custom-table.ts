import type { CustomResourceColumnDefinition } from "@knots/api/apiextensions/v1";
import { AGE, NAME, age } from "../tables/columns.ts";
import type { Column, TableKind } from "../tables/columns.ts";
import { parseJsonPath } from "./simple-json-path.ts";
import type { JsonPath } from "./simple-json-path.ts";

/** The table of a custom resource: its name and its printer columns, or its age when it has none, or one that means nothing. */
export function customTable(columns: readonly CustomResourceColumnDefinition[] | undefined): TableKind {
  const printed = columns?.map(printerColumn) ?? [];
  const sound = printed.filter((column) => column !== undefined);
  return { columns: sound.length === 0 || sound.length < printed.length ? [NAME, AGE] : [NAME, ...sound] };
}

function pathOf(text: string): JsonPath | undefined {
  try {
    return parseJsonPath(text);
  } catch {
    return undefined;
  }
}

function printerColumn(definition: CustomResourceColumnDefinition): Column | undefined {
  const { name, type, format, description, priority, jsonPath } = definition;
  const path = pathOf(jsonPath);
  if (path === undefined) return undefined;
  return {
    name,
    type: type as Column["type"],
    format: format ?? "",
    description:
      description !== undefined && description !== ""
        ? description
        : `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority: priority ?? 0,
    cell: (object, now) => cell(type, path(object), now),
  };
}

function cell(type: string, values: readonly unknown[], now: number): unknown {
  const [value] = values;
  if (value === undefined || value === null) return type === "date" ? "<unknown>" : null;
  switch (type) {
    case "integer":
    case "number":
      return typeof value === "number" || typeof value === "bigint" ? value : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      return typeof value === "string" ? age(value, now) : "<invalid>";
    default:
      return values.map((item) => (typeof item === "string" ? item : JSON.stringify(item))).join(",");
  }
}
