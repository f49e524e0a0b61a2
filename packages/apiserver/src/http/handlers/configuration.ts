import { checkDepth, findDuplicateFields, longIntegersOf, parseJson } from "@knots/api";
import { newBadRequest } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { WriteOptions } from "../options.ts";
import type { YamlContent } from "../yaml-document.ts";
import { readYaml } from "../yaml-thread.ts";
import { inexactText } from "./decode.ts";

/** The body of a server-side apply. */
export interface Configuration {
  /** Read-only: an apply that meets another writer is done again with it. */
  readonly object: KubeObject;
  /** A text for each key that is there twice; the last one counts. */
  readonly duplicates: readonly string[];
}

/** Throws BadRequest for what is no object of the expected type. */
export function readConfiguration(
  body: Uint8Array,
  expected: { readonly group: string; readonly version: string; readonly kind: string; readonly custom?: boolean },
): Configuration {
  const { value, duplicates } = parse(body);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const what = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
    throw newBadRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${what} into Go value of type map[string]interface {}`,
    );
  }
  const object = value as KubeObject;
  const apiVersion = textOf(object.apiVersion);
  const kind = textOf(object.kind);
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  if (group !== expected.group || version !== expected.version || kind !== expected.kind) {
    throw newBadRequest(`invalid object type: ${group}/${version}, Kind=${kind}`);
  }
  const [long] = expected.custom === true ? [] : longIntegersOf(value);
  if (long !== undefined) throw newBadRequest(`error decoding YAML: ${inexactText(long)}`);
  return { object, duplicates };
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function parse(body: Uint8Array): { value: unknown; duplicates: readonly string[] } {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
  // kubectl and client-go send JSON, which JSON.parse reads ten times faster.
  if (text.startsWith("{")) {
    try {
      const value = parseJson(body);
      return { value, duplicates: findDuplicateFields(text).map((path) => duplicateText(1, lastField(path))) };
    } catch {
      // A YAML mapping in flow style.
    }
  }
  try {
    const content = readYaml(body);
    checkDepth(content.value);
    return { value: content.value, duplicates: textsOf(content) };
  } catch (error) {
    const { message } = error as Error;
    const converting = message.startsWith("yaml: ") ? "error converting YAML to JSON: " : "";
    throw newBadRequest(`error decoding YAML: ${converting}${message}`);
  }
}

/** A text for each key that a YAML body has twice. Throws where it cannot be read. */
export function duplicateYamlKeys(body: Uint8Array): readonly string[] {
  return textsOf(readYaml(body));
}

const textsOf = ({ duplicates }: YamlContent): string[] => duplicates.map(({ line, key }) => duplicateText(line, key));

function duplicateText(line: number, key: string): string {
  return `line ${line}: key ${JSON.stringify(key)} already set in map`;
}

function lastField(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/** Refuses or warns of keys that are there twice, as fieldValidation says. */
export function checkDuplicates(
  { duplicates }: Configuration,
  validation: WriteOptions["fieldValidation"],
  warn: (text: string) => void,
): void {
  if (duplicates.length === 0 || validation === "Ignore") return;
  const text = `error converting YAML to JSON: yaml: unmarshal errors:\n${duplicates.map((line) => `  ${line}`).join("\n")}`;
  if (validation === "Strict") throw newBadRequest(`error strict decoding YAML: ${text}`);
  // A header has no room for lines: each key is a warning of its own.
  for (const line of duplicates) warn(line);
}
