import { mayHoldLongIntegers, parseJsonExactly } from "@knots/machinery";
import { jsonSyntaxProblem } from "./json-syntax.ts";
import { noteLongIntegers } from "./long-integers.ts";

// A byte order mark is no JSON; bytes that are no UTF-8 are read as U+FFFD, as the reference implementation does.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Values can nest this deep. Go's decoder stops at ten thousand; here everything that walks over an object goes down the
 * stack with it, and a refusal in the beginning is better than a failure in the middle.
 */
export const MAX_DEPTH = 1200;
const TOO_DEEP = "exceeded max depth";

/** A JSON text as its value, integers that no number holds as bigints. Throws SyntaxError with the reference implementation's words for what is wrong. */
export function parseJson(body: Uint8Array): unknown {
  const text = utf8.decode(body);
  let value: unknown;
  try {
    value = parseJsonExactly(text);
  } catch {
    if (nestsTooDeep(body)) throw new SyntaxError(TOO_DEEP);
    throw new SyntaxError(jsonSyntaxProblem(body) ?? "unexpected end of JSON input");
  }
  // Each level takes two characters at least.
  if (body.length > 2 * MAX_DEPTH && nestsTooDeep(body)) throw new SyntaxError(TOO_DEEP);
  if (/\\u[dD]/.test(text)) value = wellFormed(value);
  if (mayHoldLongIntegers(text)) noteLongIntegers(value);
  return value;
}

/** Half of a surrogate pair is no character: it is read as U+FFFD. */
export function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key.toWellFormed(), wellFormed(each)]));
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Counts brackets outside of strings; of a text that is no JSON only as far as that makes sense. */
function nestsTooDeep(body: Uint8Array): boolean {
  let depth = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) {
      for (at++; at < body.length && body[at] !== QUOTE; at++) if (body[at] === BACKSLASH) at++;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > MAX_DEPTH) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}

/** Throws SyntaxError where a value nests deeper than a JSON text may. */
export function checkDepth(value: unknown, left = MAX_DEPTH): void {
  if (typeof value !== "object" || value === null) return;
  if (left === 0) throw new SyntaxError(TOO_DEEP);
  for (const each of Object.values(value)) checkDepth(each, left - 1);
}
