import type { CustomResourceColumnDefinition } from "@knots/api/apiextensions/v1";
import { AGE, NAME, age } from "../tables/columns.ts";
import type { Column, TableKind } from "../tables/columns.ts";
import { parseJsonPath } from "./simple-json-path.ts";

/** The table of a custom resource: its name and its printer columns, or its age when it has none. */
export function customTable(columns: readonly CustomResourceColumnDefinition[] | undefined): TableKind {
  if (columns === undefined || columns.length === 0) return { columns: [NAME, AGE] };
  return { columns: [NAME, ...columns.map(printerColumn)] };
}

function printerColumn(definition: CustomResourceColumnDefinition): Column {
  const { name, type, format, description, priority, jsonPath } = definition;
  const path = parseJsonPath(jsonPath);
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
