import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { addAll, FieldPath, invalid, notSupported, required, tooLong, tooMany } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { deepEqual } from "../registry/metadata.ts";
import type { Correlation } from "./rules/correlation.ts";
import { itemsOf, valuesOf } from "@knots/cel/structural-schema";
import { isObject } from "./structural.ts";
import { formatProblem } from "./formats.ts";
import { matchesAtOnce } from "./long-patterns.ts";
import type { Matches } from "./long-patterns.ts";

/** After so many errors a value is not looked at any further: its parts may all be wrong, each in a long text. */
export const MAX_ERRORS = 1000;

/** All errors, up to some number, of a value against a structural schema, save those of parts that are as they were (`correlation`). */
export function validateValue(
  value: unknown,
  schema: JSONSchemaProps,
  path: FieldPath | undefined,
  errors: FieldError[],
  correlation?: Correlation,
  matches = matchesAtOnce,
): void {
  if (correlation?.unchanged === true || errors.length >= MAX_ERRORS) return;
  const at = path ?? FieldPath.root("");
  if (value === null) {
    if (schema.nullable !== true && schema.type !== undefined) errors.push(wrongType(at, value, schema.type));
    return;
  }
  if (!checkType(value, schema, at, errors)) return;
  if (schema.enum !== undefined && !isAllowed(schema.enum, value)) {
    errors.push({ ...notSupported(at, value, []), detail: supportedText(schema.enum) });
  }
  if (typeof value === "string") checkString(value, schema, at, errors, matches);
  else if (typeof value === "number" || typeof value === "bigint") checkNumber(value, schema, at, errors);
  else if (Array.isArray(value)) checkList(value, schema, path, at, errors, correlation, matches);
  else if (isObject(value)) checkObject(value, schema, path, at, errors, correlation, matches);
  checkCombinators(value, schema, path, at, errors, matches);
}

/** What enumerations hold, by their lists in schemas: items of long lists are looked up in them. */
const enumerated = new WeakMap<readonly unknown[], { readonly values: ReadonlySet<unknown>; text?: string }>();

function enumeration(allowed: readonly unknown[]): { readonly values: ReadonlySet<unknown>; text?: string } {
  let known = enumerated.get(allowed);
  if (known === undefined) enumerated.set(allowed, (known = { values: new Set(allowed) }));
  return known;
}

function isAllowed(allowed: readonly unknown[], value: unknown): boolean {
  if (typeof value !== "object") return enumeration(allowed).values.has(value);
  return allowed.some((each) => deepEqual(each, value));
}

/** The text that names them, made once. */
function supportedText(allowed: readonly unknown[]): string {
  const found = enumeration(allowed);
  found.text ??= notSupported(
    "",
    undefined,
    allowed.map((each) => (typeof each === "string" ? each : JSON.stringify(each))),
  ).detail;
  return found.text;
}

function checkType(value: unknown, schema: JSONSchemaProps, at: FieldPath, errors: FieldError[]): boolean {
  if (schema["x-kubernetes-int-or-string"] === true) {
    if (typeof value === "string" || isInteger(value)) return true;
    errors.push(wrongType(at, value, "integer,string"));
    return false;
  }
  const { type } = schema;
  if (type === undefined || type === "") return true;
  const fits =
    type === "object"
      ? isObject(value)
      : type === "array"
        ? Array.isArray(value)
        : type === "integer"
          ? isInteger(value)
          : typeof value === type || (type === "number" && typeof value === "bigint");
  if (!fits) errors.push(wrongType(at, value, type));
  return fits;
}

/** Integers that no number holds are bigints. */
function isInteger(value: unknown): boolean {
  return Number.isInteger(value) || typeof value === "bigint";
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (isInteger(value)) return "integer";
  return typeof value;
}

function wrongType(at: FieldPath, value: unknown, type: string): FieldError {
  const name = at.toString();
  return {
    type: "FieldValueTypeInvalid",
    field: name,
    badValue: typeName(value),
    detail: `${name} in body must be of type ${type}: ${JSON.stringify(typeName(value))}`,
  };
}

function checkString(
  value: string,
  schema: JSONSchemaProps,
  at: FieldPath,
  errors: FieldError[],
  matches: Matches,
): void {
  const { maxLength, minLength, pattern, format } = schema;
  const length = maxLength === undefined && minLength === undefined ? 0 : Array.from(value).length;
  if (maxLength !== undefined && length > maxLength) errors.push(tooLong(at, value, maxLength));
  if (minLength !== undefined && length < minLength) {
    errors.push(invalid(at, value, `${at.toString()} in body should be at least ${minLength} chars long`));
  }
  if (pattern !== undefined && !matches(pattern, value)) {
    errors.push(invalid(at, value, `${at.toString()} in body should match '${pattern}'`));
  }
  const problem = format === undefined ? undefined : formatProblem(format, value);
  if (problem !== undefined)
    errors.push(
      invalid(at, value, `${at.toString()} in body must be of type ${format ?? ""}: ${JSON.stringify(value)}`),
    );
}

function checkNumber(value: number | bigint, schema: JSONSchemaProps, at: FieldPath, errors: FieldError[]): void {
  const { maximum, exclusiveMaximum, minimum, exclusiveMinimum, multipleOf } = schema;
  const say = (text: string): void =>
    void errors.push(invalid(at, value, `${at.toString()} in body should be ${text}`));
  if (maximum !== undefined) {
    if (exclusiveMaximum === true && value >= maximum) say(`less than ${maximum}`);
    else if (exclusiveMaximum !== true && value > maximum) say(`less than or equal to ${maximum}`);
  }
  if (minimum !== undefined) {
    if (exclusiveMinimum === true && value <= minimum) say(`greater than ${minimum}`);
    else if (exclusiveMinimum !== true && value < minimum) say(`greater than or equal to ${minimum}`);
  }
  if (multipleOf !== undefined && multipleOf > 0 && !isMultiple(value, multipleOf)) say(`a multiple of ${multipleOf}`);
}

function isMultiple(value: number | bigint, of: number): boolean {
  if (typeof value === "number") return Number.isInteger(value / of);
  return Number.isInteger(of) ? value % BigInt(of) === 0n : Number.isInteger(Number(value) / of);
}

function checkList(
  value: readonly unknown[],
  schema: JSONSchemaProps,
  path: FieldPath | undefined,
  at: FieldPath,
  errors: FieldError[],
  correlation: Correlation | undefined,
  matches: Matches,
): void {
  const { maxItems, minItems, uniqueItems } = schema;
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(at, value.length, maxItems));
  if (minItems !== undefined && value.length < minItems) {
    errors.push(invalid(at, value.length, `${at.toString()} in body should have at least ${minItems} items`));
  }
  const keyOf = listKey(schema, uniqueItems === true);
  const seen = new Set<string>();
  const items = itemsOf(schema);
  value.forEach((item, i) => {
    const here = (path ?? FieldPath.root("")).index(i);
    if (items !== undefined) validateValue(item, items, here, errors, correlation?.index(i), matches);
    if (keyOf === undefined) return;
    const key = keyOf(item);
    if (seen.has(key)) errors.push({ type: "FieldValueDuplicate", field: here.toString(), badValue: item, detail: "" });
    seen.add(key);
  });
}

/** What must be unique in a list: the item of a set, the keys of a map; undefined: nothing. */
function listKey(schema: JSONSchemaProps, unique: boolean): ((item: unknown) => string) | undefined {
  if (unique || schema["x-kubernetes-list-type"] === "set") return (item) => JSON.stringify(item);
  const keys = schema["x-kubernetes-list-map-keys"];
  if (schema["x-kubernetes-list-type"] !== "map" || keys === undefined) return undefined;
  return (item) => JSON.stringify(keys.map((key) => (isObject(item) ? (item[key] ?? null) : null)));
}

function checkObject(
  value: Record<string, unknown>,
  schema: JSONSchemaProps,
  path: FieldPath | undefined,
  at: FieldPath,
  errors: FieldError[],
  correlation: Correlation | undefined,
  matches: Matches,
): void {
  const child = (name: string): FieldPath => (path === undefined ? FieldPath.root(name) : path.child(name));
  for (const name of schema.required ?? []) if (value[name] === undefined) errors.push(required(child(name), ""));
  const { maxProperties, minProperties } = schema;
  const count = Object.keys(value).length;
  if (maxProperties !== undefined && count > maxProperties) errors.push(tooMany(at, count, maxProperties));
  if (minProperties !== undefined && count < minProperties) {
    errors.push(invalid(at, count, `${at.toString()} in body should have at least ${minProperties} properties`));
  }
  const values = valuesOf(schema);
  for (const [key, inner] of Object.entries(value)) {
    const property =
      schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    if (property !== undefined) validateValue(inner, property, child(key), errors, correlation?.key(key), matches);
    else if (values !== undefined)
      validateValue(inner, values, (path ?? FieldPath.root("")).key(key), errors, correlation?.key(key), matches);
  }
}

/** What combined schemas say, and where none fits what the first of them found (go-openapi, as clients of upstream know it). */
function checkCombinators(
  value: unknown,
  { allOf = [], anyOf = [], oneOf = [], not }: JSONSchemaProps,
  path: FieldPath | undefined,
  at: FieldPath,
  errors: FieldError[],
  matches: Matches,
): void {
  const problems = (inner: JSONSchemaProps): FieldError[] => {
    const found: FieldError[] = [];
    validateValue(value, inner, path, found, undefined, matches);
    return found;
  };
  const say = (detail: string): void => void errors.push(combined(`${JSON.stringify(at.toString())} ${detail}`));
  if (anyOf.length > 0) {
    const [first = [], ...others] = anyOf.map(problems);
    if (first.length > 0 && others.every((found) => found.length > 0)) {
      say("must validate at least one schema (anyOf)");
      addAll(errors, first);
    }
  }
  if (oneOf.length > 0) {
    const [first = [], ...others] = oneOf.map(problems);
    const valid = [first, ...others].filter((found) => found.length === 0).length;
    if (valid === 0) {
      say("must validate one and only one schema (oneOf). Found none valid");
      addAll(errors, first);
    } else if (valid > 1) say(`must validate one and only one schema (oneOf). Found ${valid} valid alternatives`);
  }
  if (allOf.length > 0) {
    const found = allOf.map(problems);
    const failed = found.filter((each) => each.length > 0);
    addAll(errors, failed.flat());
    if (failed.length > 0)
      say(`must validate all the schemas (allOf)${failed.length === allOf.length ? ". None validated" : ""}`);
  }
  if (not !== undefined && problems(not).length === 0) say("must not validate the schema (not)");
}

/** Upstream's validator gives these no field: the text says what they are about. */
function combined(detail: string): FieldError {
  return { type: "FieldValueInvalid", field: "<nil>", badValue: "", detail };
}
