import { goValue } from "../go-value.ts";
import type { TypeSchema } from "../schema.ts";
import { formatPathElement } from "./path-element.ts";
import type { PathElement } from "./path-element.ts";
import { ANY, TypedError, fieldOf, isObject, itemElement } from "./typed.ts";
import type { Typing } from "./typed.ts";

/** Throws TypedError unless a configuration fits its type, with every misfit in upstream's words. */
export function validateTyped(value: unknown, { schema = ANY, untyped }: Typing): void {
  const problems: string[] = [];
  check(value, schema, untyped, "", problems);
  const [first] = problems;
  if (first === undefined) return;
  throw new TypedError(problems.length === 1 ? first : ["errors:", ...problems.map((text) => `  ${text}`)].join("\n"));
}

type Untyped = Typing["untyped"];

/** null fits everything: it stands for what is not set. */
function check(value: unknown, schema: TypeSchema, untyped: Untyped, path: string, problems: string[]): void {
  if (value === null || value === undefined) return;
  switch (schema.kind) {
    case "scalar":
      checkScalar(value, schema.scalar, path, problems);
      return;
    case "struct":
    case "map":
      if (isObject(value)) checkFields(value, schema, untyped, path, problems);
      else problems.push(`${path}: expected map, got &{${goValue(value)}}`);
      return;
    case "list":
      if (Array.isArray(value)) checkItems(value, schema, untyped, path, problems);
      else problems.push(`${path}: expected list, got &{${goValue(value)}}`);
      return;
    case "any":
      return;
  }
}

function checkFields(
  value: Readonly<Record<string, unknown>>,
  schema: Extract<TypeSchema, { kind: "struct" | "map" }>,
  untyped: Untyped,
  path: string,
  problems: string[],
): void {
  for (const name of Object.keys(value)) {
    const below = `${path}.${name}`;
    const type = schema.kind === "map" ? schema.value : fieldOf(schema, name)?.type;
    if (type !== undefined) check(value[name], type, untyped, below, problems);
    else if (schema.kind === "struct" && schema.preserveUnknown !== true) {
      problems.push(`${below}: field not declared in schema`);
    }
  }
}

function checkItems(
  items: readonly unknown[],
  schema: Extract<TypeSchema, { kind: "list" }>,
  untyped: Untyped,
  path: string,
  problems: string[],
): void {
  const seen = new Set<PathElement>();
  for (const [index, item] of items.entries()) {
    let element: PathElement = `i:${index}`;
    if (schema.listType !== "atomic") {
      try {
        element = itemElement(schema, item);
      } catch (error) {
        // Without a name nothing can be said of what the item holds.
        problems.push(`${path}: element ${index}: ${(error as Error).message}`);
        return;
      }
      if (seen.has(element)) problems.push(`${path}: duplicate entries for key ${formatPathElement(element)}`);
      seen.add(element);
    }
    check(item, schema.element, untyped, path + formatPathElement(element), problems);
  }
}

type Scalar = Extract<TypeSchema, { kind: "scalar" }>["scalar"];

function checkScalar(value: unknown, scalar: Scalar, path: string, problems: string[]): void {
  switch (scalar) {
    case "int32":
    case "int64":
    case "float64":
      if (typeof value !== "number" && typeof value !== "bigint")
        problems.push(`${path}: expected numeric (int or float), got ${goType(value)}`);
      return;
    case "bool":
      if (typeof value !== "boolean") problems.push(`${path}: expected boolean, got &{${goValue(value)}}`);
      return;
    case "int-or-string":
    case "quantity":
      if (typeof value === "object") problems.push(`${path}: expected any scalar, got &{${goValue(value)}}`);
      return;
    default:
      if (typeof value !== "string") {
        problems.push(`${path}: expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`);
      }
  }
}

/** What Go's %T prints. */
function goType(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (isObject(value)) return "map[string]interface {}";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** What Go's %#v prints. */
function goSyntax(value: unknown): string {
  if (value === null || value === undefined) return "interface {}(nil)";
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (isObject(value)) {
    const entries = Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${goSyntax(value[key])}`);
    return `map[string]interface {}{${entries.join(", ")}}`;
  }
  return JSON.stringify(value);
}
