import { EMPTY_SET, FieldSet, LEAF } from "./field-set.ts";
import { comparePathElements, parsePathElement } from "./path-element.ts";
import type { PathElement } from "./path-element.ts";

/** A set as managedFields[].fieldsV1 holds it: a field alone is `{}`, one with others below it has a ".". */
export interface FieldsV1 {
  [element: string]: FieldsV1;
}

/** Keys in canonical order. */
export function encodeFields(set: FieldSet): FieldsV1 {
  return encode(set, false);
}

function encode({ member, children }: FieldSet, below: boolean): FieldsV1 {
  const result: FieldsV1 = {};
  if (children.size === 0) return result;
  if (below && member) result["."] = {};
  let last: string | undefined;
  let sorted = true;
  for (const [element, child] of children) {
    if (sorted && last !== undefined && comparePathElements(last, element) > 0) sorted = false;
    last = element;
    result[element] = encode(child, true);
  }
  if (sorted) return result;
  const ordered: FieldsV1 = {};
  if (below && member) ordered["."] = {};
  for (const element of Array.from(children.keys()).sort(comparePathElements)) ordered[element] = result[element] ?? {};
  return ordered;
}

/** Throws on what is no field set; steps of unknown kinds are left out. */
export function decodeFields(fields: unknown): FieldSet {
  return decode(fields).as(false);
}

function decode(fields: unknown): FieldSet {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) throw new Error("not a set of fields");
  let children: Map<PathElement, FieldSet> | undefined;
  let member = false;
  for (const [text, value] of Object.entries(fields)) {
    if (text === ".") {
      member = true;
      continue;
    }
    const element = parsePathElement(text);
    if (element === undefined) continue;
    const child = decode(value);
    const known = children?.get(element);
    (children ??= new Map<PathElement, FieldSet>()).set(element, known === undefined ? child : known.union(child));
  }
  if (children === undefined) return LEAF;
  return new FieldSet(member, children);
}

/** Whether nothing but objects stands in it, which is how encodeFields writes it. */
export function isPlain(fields: unknown): boolean {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return false;
  for (const [text, value] of Object.entries(fields)) {
    if (text === "." ? !isEmptyObject(value) : !KNOWN_STEP.test(text) || !isPlain(value)) return false;
  }
  return true;
}

const KNOWN_STEP = /^[fkvi]:/;

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** The set of an entry that says nothing. */
export const NO_FIELDS: FieldSet = EMPTY_SET;
