import { noteInexactIntegers } from "./inexact-integers.ts";
import { jsonSyntaxProblem } from "./json-syntax.ts";

// A byte order mark is no JSON; bytes that are no UTF-8 are read as U+FFFD, as the reference implementation does.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A text can nest this deep. */
export const MAX_JSON_DEPTH = 10_000;

/** A JSON text as its value. Throws SyntaxError with the reference implementation's words for what is wrong. */
export function parseJson(body: Uint8Array): unknown {
  const text = utf8.decode(body);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SyntaxError(jsonSyntaxProblem(body) ?? "unexpected end of JSON input");
  }
  // Each level takes two characters at least.
  if (text.length > 2 * MAX_JSON_DEPTH) {
    const problem = jsonSyntaxProblem(body);
    if (problem !== undefined) throw new SyntaxError(problem);
  }
  if (/\\u[dD]/.test(text)) value = wellFormed(value);
  noteInexactIntegers(value, text);
  return value;
}

/** Half of a surrogate pair is no character: it is read as U+FFFD. */
export function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key.toWellFormed(), wellFormed(each)]));
}
