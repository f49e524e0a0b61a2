// Integers that a JavaScript number cannot hold: the API has int64, and none may be changed in silence.
import type { TypeSchema } from "@knots/machinery";

export interface InexactInteger {
  /** Names and indices from the root. */
  readonly path: readonly (string | number)[];
  /** As it was written. */
  readonly text: string;
}

const LONG = /\d{16}/;
const INTEGER = /^-?\d+$/;
const found = new WeakMap<object, readonly InexactInteger[]>();

/**
 * Looks for integers that lost something when the text (JSON or YAML) was parsed to `value`, and remembers them for
 * `inexactIntegers`.
 */
export function noteInexactIntegers(value: unknown, text: string): void {
  if (typeof value !== "object" || value === null || !LONG.test(text)) return;
  const path: (string | number)[] = [];
  const inexact: InexactInteger[] = [];
  const sources = numbersOf(text);
  const walk = (each: unknown): void => {
    if (typeof each === "number") {
      const source = sources.get(each);
      if (source !== undefined) inexact.push({ path: [...path], text: source });
    } else if (typeof each === "object" && each !== null) {
      const list = Array.isArray(each);
      for (const [key, inner] of Object.entries(each)) {
        path.push(list ? Number(key) : key);
        walk(inner);
        path.pop();
      }
    }
  };
  if (sources.size > 0) walk(value);
  if (inexact.length > 0) found.set(value, inexact);
}

/** Inexact integers of a text, by the number they became. */
function numbersOf(text: string): Map<number, string> {
  const sources = new Map<number, string>();
  for (const [source] of text.matchAll(/-?\d{16,}(?![\d.eE])/g)) {
    const number = Number(source);
    if (INTEGER.test(source) && Number.isFinite(number) && BigInt(number) !== BigInt(source))
      sources.set(number, source);
  }
  return sources;
}

/** What `noteInexactIntegers` found in this very object. */
export function inexactIntegers(value: object): readonly InexactInteger[] {
  return found.get(value) ?? [];
}

/** Whether a value at this path would be kept as a float, or not kept at all: then nothing is lost that is not lost elsewhere. */
export function mayBeInexact(schema: TypeSchema | undefined, path: readonly (string | number)[]): boolean {
  let type = schema;
  for (const part of path) {
    if (type?.kind === "list") type = type.element;
    else if (type?.kind === "map") type = type.value;
    else if (type?.kind === "struct") {
      const field = type.fields.get(String(part));
      if (field === undefined) return type.preserveUnknown !== true;
      type = field.type;
    } else return false;
  }
  return type?.kind === "scalar" && type.scalar !== "int64";
}
