// What an OpenAPI v2 document says apart from its texts, in a form that can be compared: whole, or as a short digest.
import { createHash } from "node:crypto";

export type Json = Record<string, unknown>;

export interface OpenApiDocument {
  readonly definitions: Record<string, Json>;
  readonly paths: Record<string, Record<string, Json>>;
  readonly parameters?: Record<string, Json>;
}

export const METHODS = ["get", "put", "post", "delete", "patch", "head", "options"];

/** Digests of the definitions by name and of the operations by "method path". */
export interface Digests {
  readonly definitions: Record<string, string>;
  readonly operations: Record<string, string>;
}

/** Of a whole document, except what belongs to alpha and beta versions. */
export function digests(document: OpenApiDocument): Digests {
  const stable = (name: string): boolean => !/[./]v\d+(alpha|beta)\d+([./]|$)/.test(name);
  const definitions: Record<string, string> = {};
  for (const [name, definition] of Object.entries(document.definitions))
    if (stable(name)) definitions[name] = short(canonical(definition));
  const operations: Record<string, string> = {};
  for (const [path, item] of Object.entries(document.paths))
    for (const method of METHODS.filter((each) => each in item))
      if (stable(path)) operations[`${method} ${path}`] = short(operation(document, item, method));
  return { definitions, operations };
}

function short(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 10);
}

/** An operation with its path's parameters, references resolved, texts left out. */
export function operation(document: OpenApiDocument, item: Record<string, unknown>, method: string): string {
  const own = item[method] as Json;
  const all = [...((item.parameters ?? []) as Json[]), ...((own.parameters ?? []) as Json[])].map((parameter) => {
    const reference = parameter.$ref;
    if (typeof reference !== "string") return parameter;
    return document.parameters?.[reference.slice(reference.lastIndexOf("/") + 1)] ?? parameter;
  });
  const parameters = all.map(canonical).toSorted();
  return canonical({ ...own, parameters });
}

/** Sorted keys, no texts. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (key, each: unknown) => {
    if (key === "description" && typeof each === "string") return undefined;
    if (key === "x-kubernetes-group-version-kind" && Array.isArray(each)) return each.length > 3 ? "every group" : each;
    if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
