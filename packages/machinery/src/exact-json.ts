// JSON whose integers keep their value: the API has 64 bits of them, a JavaScript number holds 53. An integer that no
// number holds is a bigint here, every other one stays a number, so that one value never has two forms.

declare global {
  interface BigInt {
    toJSON(): unknown;
  }
  interface JSON {
    /** https://tc39.es/proposal-json-parse-with-source/: a text that is written as it is. */
    rawJSON(text: string): unknown;
  }
}

// JSON.stringify throws on a bigint that does not say how it is written, and it is called wherever objects are.
Object.defineProperty(BigInt.prototype, "toJSON", {
  value(this: bigint) {
    return JSON.rawJSON(String(this));
  },
  configurable: true,
  writable: true,
});

const LONG = /(?:^|[:[,\s])-?\d{16}/;
const INTEGER = /^-?\d+$/;

/** Whether a text, JSON or YAML, may hold integers that no number holds. */
export function mayHoldLongIntegers(text: string): boolean {
  return LONG.test(text);
}

/** JSON.parse, with a bigint for each integer of 64 bits that no number holds. Throws SyntaxError as JSON.parse does. */
export function parseJsonExactly(text: string): unknown {
  if (!mayHoldLongIntegers(text)) return JSON.parse(text);
  return parseWithSource(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && INTEGER.test(source) ? exactInteger(BigInt(source)) : value,
  );
}

/** The parameter `context` is too new for TypeScript's own declaration. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

/** A number where one holds the integer or where 64 bits do not (Go reads that as a float, too); otherwise the bigint. */
export function exactInteger(integer: bigint): number | bigint {
  const number = Number(integer);
  return BigInt(number) === integer || BigInt.asIntN(64, integer) !== integer ? number : integer;
}

export interface LongInteger {
  /** Names and indices from the root. */
  readonly path: readonly (string | number)[];
  readonly value: bigint;
}

/** The bigints in a JSON value. */
export function longIntegers(value: unknown): LongInteger[] {
  const path: (string | number)[] = [];
  const found: LongInteger[] = [];
  const walk = (each: unknown): void => {
    if (typeof each === "bigint") found.push({ path: [...path], value: each });
    else if (typeof each === "object" && each !== null) {
      const list = Array.isArray(each);
      for (const [key, inner] of Object.entries(each)) {
        path.push(list ? Number(key) : key);
        walk(inner);
        path.pop();
      }
    }
  };
  walk(value);
  return found;
}
