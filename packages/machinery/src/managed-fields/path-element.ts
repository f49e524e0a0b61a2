// One step of a path into an object, as the text that FieldsV1 writes for it: "f:name" a field, `k:{"port":80}` an item of
// a list by its keys, `v:"x"` a member of a set, "i:0" an index. Equal steps have equal texts, so texts serve as keys.

import { parseJsonExactly } from "../exact-json.ts";

/** The text of one step; always in the canonical form that the functions below make. */
export type PathElement = string;

export type Path = readonly PathElement[];

/** Names of fields are few; keys of users' maps are kept up to this many. */
const MAX_KNOWN = 20_000;
const known = new Map<string, PathElement>();

/** The same string for the same name, so that maps need not hash it again. */
export function fieldElement(name: string): PathElement {
  let element = known.get(name);
  if (element === undefined) {
    element = `f:${name}`;
    if (known.size < MAX_KNOWN) known.set(name, element);
  }
  return element;
}

/** `keys` in any order. */
export function keyElement(keys: Readonly<Record<string, unknown>>): PathElement {
  const names = Object.keys(keys).sort();
  let text = "k:{";
  for (const [i, name] of names.entries()) {
    text += `${i > 0 ? "," : ""}${JSON.stringify(name)}:${JSON.stringify(keys[name])}`;
  }
  return `${text}}`;
}

export function valueElement(value: unknown): PathElement {
  return `v:${JSON.stringify(value)}`;
}

/** The canonical form of a text that somebody else wrote; undefined for kinds of steps that are not known. Throws on broken ones. */
export function parsePathElement(text: string): PathElement | undefined {
  if (text.length < 2) throw new Error("key must be 2 characters long:");
  if (text[1] !== ":") throw new Error(`missing colon: ${text}`);
  const rest = text.slice(2);
  switch (text[0]) {
    case "f":
      return fieldElement(rest);
    case "k": {
      const keys = parseJsonExactly(rest) as unknown;
      if (typeof keys !== "object" || keys === null || Array.isArray(keys))
        throw new Error(`not a set of keys: ${text}`);
      return keyElement(keys as Record<string, unknown>);
    }
    case "v":
      return valueElement(parseJsonExactly(rest));
    case "i": {
      if (!/^-?\d+$/.test(rest)) throw new Error(`not an index: ${text}`);
      return `i:${Number(rest)}`;
    }
    default:
      return undefined;
  }
}

/** The order in which FieldsV1 lists steps: fields, keys, values, indexes; each kind by its content. */
export function comparePathElements(a: PathElement, b: PathElement): number {
  if (a === b) return 0;
  const kind = KINDS.indexOf(a.charAt(0)) - KINDS.indexOf(b.charAt(0));
  if (kind !== 0) return kind;
  switch (a[0]) {
    case "k":
      return (
        compareNames(a, b) ??
        compareKeys(parseJsonExactly(a.slice(2)) as object, parseJsonExactly(b.slice(2)) as object)
      );
    case "v":
      return compareValues(parseJsonExactly(a.slice(2)), parseJsonExactly(b.slice(2)));
    case "i":
      return Number(a.slice(2)) - Number(b.slice(2));
    default:
      return a < b ? -1 : 1;
  }
}

const KINDS = "fkvi";

/** The common case, lists keyed by one text, without parsing; undefined for others. */
function compareNames(a: PathElement, b: PathElement): number | undefined {
  const start = a.indexOf('":"') + 3;
  if (start < 3 || !b.startsWith(a.slice(0, start)) || a.includes("\\") || b.includes("\\")) return undefined;
  if (a.indexOf('"', start) !== a.length - 2 || b.indexOf('"', start) !== b.length - 2) return undefined;
  // Without what closes them, so that a text comes before those it begins.
  return a.slice(start, -2) < b.slice(start, -2) ? -1 : 1;
}

function compareKeys(a: object, b: object): number {
  const left = Object.entries(a);
  const right = Object.entries(b);
  for (const [i, [name, value]] of left.entries()) {
    const other = right[i];
    if (other === undefined) return 1;
    if (name !== other[0]) return name < other[0] ? -1 : 1;
    const order = compareValues(value, other[1]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Numbers, then strings, then booleans, then the rest. */
function compareValues(a: unknown, b: unknown): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (typeof a === "object") {
    const left = JSON.stringify(a);
    const right = JSON.stringify(b);
    return left === right ? 0 : left < right ? -1 : 1;
  }
  const left = a as string;
  const right = b as string;
  return left === right ? 0 : left < right ? -1 : 1;
}

function rankOf(value: unknown): number {
  const rank = ["number", "string", "boolean"].indexOf(typeof value === "bigint" ? "number" : typeof value);
  return rank < 0 ? 3 : rank;
}

/** A path as messages show it: `.spec.ports[port=80,protocol="TCP"].name`. */
export function formatPath(path: Path): string {
  return path.map(formatPathElement).join("");
}

export function formatPathElement(element: PathElement): string {
  const rest = element.slice(2);
  switch (element[0]) {
    case "k":
      return `[${Object.entries(parseJsonExactly(rest) as object)
        .map(([name, value]) => `${name}=${formatValue(value)}`)
        .join(",")}]`;
    case "v":
      return `[=${formatValue(parseJsonExactly(rest))}]`;
    case "i":
      return `[${rest}]`;
    default:
      return `.${rest}`;
  }
}

function formatValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatValue).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([name, each]) => `${name}=${formatValue(each)}`)
      .join("");
  }
  return JSON.stringify(value);
}
