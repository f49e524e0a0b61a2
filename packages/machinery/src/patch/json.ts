// JSON Patch, RFC 6902, as evanphx/json-patch applies it for upstream.
import { cloneJson } from "../clone-json.ts";
import { newBadRequest, StatusError } from "../status-error.ts";
import { setKey } from "../table.ts";

interface Operation {
  readonly op?: unknown;
  readonly path?: unknown;
  readonly from?: unknown;
  readonly value?: unknown;
}

/** Bytes that the copies of one patch may come to: without a limit a short patch could double a document many times. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024;

/** Applies the operations to a copy. Throws StatusError: 400 for what is no patch, 422 for one that does not apply. */
export function jsonPatch<T>(document: T, operations: readonly object[]): T {
  const work = jsonPatchInTurns(document, operations);
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** The same; yields after each operation: one on a long list may take a millisecond, and there may be ten thousand. */
export function* jsonPatchInTurns<T>(document: T, operations: readonly object[]): Generator<undefined, T> {
  if (!Array.isArray(operations)) throw newBadRequest("error decoding patch: a JSON patch is a list of operations");
  const root = { document: cloneJson(document) as unknown };
  let copied = 0;
  for (const operation of operations as readonly (Operation | null)[]) {
    if (operation === null || typeof operation !== "object")
      throw newBadRequest("error decoding patch: an operation is an object");
    copied += apply(root, operation);
    if (copied > MAX_COPIED_BYTES) {
      throw inapplicable(
        `Unable to complete the copy, the accumulated size increase of copy is ${copied}, exceeding the limit ${MAX_COPIED_BYTES}`,
      );
    }
    yield;
  }
  return root.document as T;
}

/** Returns how many bytes were copied. */
function apply(root: { document: unknown }, operation: Operation): number {
  const { op } = operation;
  switch (op) {
    case "add":
      put(root, pathOf(operation, "path"), valueOf(operation), "add");
      return 0;
    case "replace": {
      const path = pathOf(operation, "path");
      get(root, path, "replace");
      put(root, path, valueOf(operation), "replace");
      return 0;
    }
    case "remove":
      take(root, pathOf(operation, "path"), "remove");
      return 0;
    case "move": {
      const from = pathOf(operation, "from");
      const path = pathOf(operation, "path");
      if (isWithin(path, from)) throw inapplicable(`Unable to move a value into itself: ${text(operation.from)}`);
      put(root, path, take(root, from, "move"), "add");
      return 0;
    }
    case "copy": {
      const value = get(root, pathOf(operation, "from"), "copy");
      put(root, pathOf(operation, "path"), cloneJson(value), "add");
      return JSON.stringify(value)?.length ?? 0;
    }
    case "test":
      if (!equal(find(root, pathOf(operation, "path")) ?? null, operation.value ?? null)) {
        throw inapplicable(`testing value ${text(operation.path)} failed: test failed`);
      }
      return 0;
    default:
      throw inapplicable(`Unexpected kind: ${typeof op === "string" ? op : "unknown"}`);
  }
}

type Path = readonly string[];

/** RFC 6901: the reference tokens of a pointer; the whole document has none. */
function pathOf(operation: Operation, field: "path" | "from"): Path {
  const pointer = operation[field];
  if (typeof pointer !== "string") throw inapplicable(`operation, ${field}: missing or not a string`);
  if (pointer === "") return [];
  if (!pointer.startsWith("/"))
    throw inapplicable(`${field} ${JSON.stringify(pointer)} is no JSON pointer: missing value`);
  return pointer
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function valueOf(operation: Operation): unknown {
  return operation.value === undefined ? null : cloneJson(operation.value);
}

function isWithin(path: Path, ancestor: Path): boolean {
  return path.length > ancestor.length && ancestor.every((token, index) => token === path[index]);
}

/** undefined: nothing is there. */
function find(root: { document: unknown }, path: Path): unknown {
  let value = root.document;
  for (const token of path) {
    if (Array.isArray(value)) value = value[indexOf(token, value.length) ?? -1] as unknown;
    else if (typeof value === "object" && value !== null && Object.hasOwn(value, token)) {
      value = (value as Record<string, unknown>)[token];
    } else return undefined;
  }
  return value;
}

function get(root: { document: unknown }, path: Path, op: string): unknown {
  const value = find(root, path);
  if (value === undefined) throw missing(op, path);
  return value;
}

function put(root: { document: unknown }, path: Path, value: unknown, op: "add" | "replace"): void {
  const token = path.at(-1);
  if (token === undefined) {
    root.document = value;
    return;
  }
  const parent = get(root, path.slice(0, -1), op);
  if (Array.isArray(parent)) {
    if (op === "replace") {
      parent[indexOf(token, parent.length) ?? 0] = value;
      return;
    }
    const index = token === "-" ? parent.length : indexOf(token, parent.length + 1);
    if (index === undefined) throw inapplicable(`Unable to access invalid index: ${token}: invalid index referenced`);
    parent.splice(index, 0, value);
  } else if (typeof parent === "object" && parent !== null) setKey(parent as Record<string, unknown>, token, value);
  else throw missing(op, path);
}

function take(root: { document: unknown }, path: Path, op: string): unknown {
  const token = path.at(-1);
  if (token === undefined) throw inapplicable(`${op} operation does not apply: the whole document cannot be removed`);
  const value = get(root, path, op);
  const parent = find(root, path.slice(0, -1)) as object;
  if (Array.isArray(parent)) parent.splice(indexOf(token, parent.length) ?? 0, 1);
  else delete (parent as Record<string, unknown>)[token];
  return value;
}

/** A position below `end`; negative ones count from the end. */
function indexOf(token: string, end: number): number | undefined {
  if (!/^-?(0|[1-9]\d{0,9})$/.test(token)) return undefined;
  const index = Number(token);
  const position = index < 0 ? end + index : index;
  return position >= 0 && position < end ? position : undefined;
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) => Object.hasOwn(b, key) && equal((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

function text(pointer: unknown): string {
  return typeof pointer === "string" ? pointer : "";
}

function missing(op: string, path: Path): StatusError {
  return inapplicable(`${op} operation does not apply: doc is missing path: "/${path.join("/")}": missing value`);
}

/** Upstream gives the reason to nobody but its log; here it stands among the causes. */
function inapplicable(reason: string): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "the server rejected our request due to an error in our request",
    reason: "Invalid",
    details: { causes: [{ message: reason }] },
    code: 422,
  });
}
