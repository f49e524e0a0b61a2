import { ArrayList } from "../collections.ts";
import { CelError } from "../errors.ts";
import { fn, method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { DYN, INT, STRING, listOf } from "../types.ts";
import { hasSurrogates, stringSize } from "../values.ts";
import type { Value } from "../values.ts";
import { formatInTurns, formatString } from "./string-format.ts";

// Offsets count code points.

/** Code points from `start` to `end`. */
function slice(text: string, start: number, end?: number): string {
  if (!hasSurrogates(text)) return text.slice(start, end);
  return Array.from(text).slice(start, end).join("");
}

function charAt(text: string, offset: bigint): string {
  if (offset < 0n || offset > BigInt(stringSize(text))) throw new CelError(`index out of range: ${offset}`);
  return slice(text, Number(offset), Number(offset) + 1);
}

function indexOf(text: string, part: string, offset: bigint): bigint {
  if (offset < 0n) throw new CelError(`index out of range: ${offset}`);
  if (part === "") return offset;
  if (offset > BigInt(stringSize(text))) throw new CelError(`index out of range: ${offset}`);
  const rest = slice(text, Number(offset));
  const found = rest.indexOf(part);
  return found < 0 ? -1n : offset + BigInt(stringSize(rest.slice(0, found)));
}

function lastIndexOf(text: string, part: string, offset: bigint | undefined): bigint {
  const size = stringSize(text);
  if (offset !== undefined && (offset < 0n || offset >= BigInt(size) + (part === "" ? 1n : 0n))) {
    throw new CelError(`index out of range: ${offset}`);
  }
  if (part === "") return offset ?? BigInt(size);
  const end = offset === undefined ? size : Math.min(size, Number(offset) + stringSize(part));
  const head = slice(text, 0, end);
  const found = head.lastIndexOf(part);
  return found < 0 ? -1n : BigInt(stringSize(head.slice(0, found)));
}

/** The costs of replace and join do not count what they make, so that has a bound of its own. */
const MAX_LENGTH = 16 * 1024 * 1024;

function replace(text: string, from: string, to: string, limit: bigint): string {
  if (limit === 0n || from === to) return text;
  // An empty one is before and after every character.
  const places = from === "" ? stringSize(text) + 1 : occurrences(text, from);
  const count = limit < 0n || limit > places ? places : Number(limit);
  if (text.length + count * to.length > MAX_LENGTH) throw new CelError("the result of replace is too long");
  const parts = from === "" ? ["", ...Array.from(text), ""] : text.split(from);
  const replaced = parts.slice(0, count + 1).join(to);
  return count === places ? replaced : [replaced, ...parts.slice(count + 1)].join(from);
}

function occurrences(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}

function split(text: string, separator: string, limit: bigint): ArrayList {
  if (limit === 0n) return new ArrayList([]);
  const parts = separator === "" ? Array.from(text) : text.split(separator);
  if (limit < 0n || parts.length <= Number(limit)) return new ArrayList(parts);
  const head = parts.slice(0, Number(limit) - 1);
  return new ArrayList([...head, parts.slice(Number(limit) - 1).join(separator)]);
}

function substring(text: string, start: bigint, end: bigint | undefined): string {
  const size = BigInt(stringSize(text));
  const to = end ?? size;
  if (start < 0n || start > size) throw new CelError(`index out of range: ${start}`);
  if (to < 0n || to > size) throw new CelError(`index out of range: ${to}`);
  if (start > to) throw new CelError(`invalid substring range. start: ${start}, end: ${to}`);
  return slice(text, Number(start), Number(to));
}

function join(list: Iterable<Value>, separator: string): string {
  const parts: string[] = [];
  let length = 0;
  for (const each of list) {
    if (typeof each !== "string") throw new CelError("no such overload");
    parts.push(each);
    length += each.length + separator.length;
  }
  if (length > MAX_LENGTH) throw new CelError("the result of join is too long");
  return parts.join(separator);
}

/** Go's idea of white space. */
const SPACE = "[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const LEADING = new RegExp(`^${SPACE}+`, "u");
const SPACE_CHAR = new RegExp(`^${SPACE}$`, "u");

function trim(text: string): string {
  const start = LEADING.exec(text)?.[0].length ?? 0;
  let end = text.length;
  while (end > start && SPACE_CHAR.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

const QUOTED: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

function quote(text: string): string {
  return `"${text.toWellFormed().replaceAll(/[\p{Cc}"\\]/gu, (char) => QUOTED[char] ?? char)}"`;
}

const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text);

/** cel-go's strings extension, version 2. */
export const stringsExtension: Functions = {
  charAt: [method("string_char_at_int", [STRING, INT], STRING, charAt)],
  indexOf: [
    method("string_index_of_string", [STRING, STRING], INT, (a, b) => indexOf(a, b, 0n)),
    method("string_index_of_string_int", [STRING, STRING, INT], INT, indexOf),
  ],
  lastIndexOf: [
    method("string_last_index_of_string", [STRING, STRING], INT, (a, b) => lastIndexOf(a, b, undefined)),
    method("string_last_index_of_string_int", [STRING, STRING, INT], INT, lastIndexOf),
  ],
  lowerAscii: [
    method("string_lower_ascii", [STRING], STRING, (a) =>
      isAscii(a) ? a.toLowerCase() : a.replaceAll(/[A-Z]+/g, (part) => part.toLowerCase()),
    ),
  ],
  upperAscii: [
    method("string_upper_ascii", [STRING], STRING, (a) =>
      isAscii(a) ? a.toUpperCase() : a.replaceAll(/[a-z]+/g, (part) => part.toUpperCase()),
    ),
  ],
  replace: [
    method("string_replace_string_string", [STRING, STRING, STRING], STRING, (a, b, c) => replace(a, b, c, -1n)),
    method("string_replace_string_string_int", [STRING, STRING, STRING, INT], STRING, replace),
  ],
  split: [
    method("string_split_string", [STRING, STRING], listOf(STRING), (a, b) => split(a, b, -1n)),
    method("string_split_string_int", [STRING, STRING, INT], listOf(STRING), split),
  ],
  substring: [
    method("string_substring_int", [STRING, INT], STRING, (a, start) => substring(a, start, undefined)),
    method("string_substring_int_int", [STRING, INT, INT], STRING, substring),
  ],
  trim: [method("string_trim", [STRING], STRING, trim)],
  join: [
    method("list_join", [listOf(STRING)], STRING, (list) => join(list, "")),
    method("list_join_string", [listOf(STRING), STRING], STRING, join),
  ],
  format: [method("string_format", [STRING, listOf(DYN)], STRING, formatString, formatInTurns)],
  "strings.quote": [fn("strings_quote", [STRING], STRING, quote)],
};
