// What is wrong with a JSON text, in the words of Go's encoding/json: JSON.parse says it in its own, which change.

const END = "unexpected end of JSON input";

class Problem extends Error {}

/** Undefined for a text that is valid JSON. */
export function jsonSyntaxProblem(bytes: Uint8Array): string | undefined {
  try {
    new Scanner(bytes).scan();
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.message;
    throw error;
  }
}

const LITERALS: Readonly<Record<string, string>> = { t: "true", f: "false", n: "null" };
const VALUE = "looking for beginning of value";
const KEY = "looking for beginning of object key string";

/** Goes over the bytes once, without recursion. */
class Scanner {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  scan(): void {
    /** The closing bracket of each object and list that is open. */
    const open: string[] = [];
    for (;;) {
      this.#begin(open);
      // A value has ended: so may what it stands in.
      for (;;) {
        const closing = open.at(-1);
        const next = this.#peek();
        if (closing === undefined) {
          if (next === undefined) return;
          this.#fail("after top-level value");
        } else if (next === closing) {
          this.#at++;
          open.pop();
        } else if (next === ",") {
          this.#at++;
          if (closing === "}") this.#key();
          break;
        } else this.#fail(closing === "}" ? "after object key:value pair" : "after array element");
      }
    }
  }

  /** A value, or the opening brackets before one. Returns behind a value that is complete. */
  #begin(open: string[]): void {
    for (;;) {
      const next = this.#peek();
      if (next === "{" || next === "[") {
        this.#at++;
        open.push(next === "{" ? "}" : "]");
        if (this.#peek() === open.at(-1)) {
          this.#at++;
          open.pop();
          return;
        }
        if (next === "{") this.#key();
        continue;
      }
      if (next === '"') this.#string();
      else if (next !== undefined && LITERALS[next] !== undefined) this.#literal(LITERALS[next]);
      else if (next !== undefined && /[-\d]/.test(next)) this.#number();
      else this.#fail(VALUE);
      return;
    }
  }

  #key(): void {
    if (this.#peek() !== '"') this.#fail(KEY);
    this.#string();
    if (this.#peek() !== ":") this.#fail("after object key");
    this.#at++;
  }

  #string(): void {
    this.#at++;
    for (;;) {
      const char = this.#char();
      if (char === '"') {
        this.#at++;
        return;
      }
      if (char === undefined || char < " ") this.#fail("in string literal");
      this.#at++;
      if (char === "\\") this.#escape();
    }
  }

  #escape(): void {
    const char = this.#char();
    if (char === undefined || !'bfnrt\\/"u'.includes(char)) this.#fail("in string escape code");
    this.#at++;
    if (char !== "u") return;
    for (let left = 4; left > 0; left--) {
      if (!/[\da-fA-F]/.test(this.#char() ?? "")) this.#fail("in \\u hexadecimal character escape");
      this.#at++;
    }
  }

  #literal(word: string): void {
    for (const expected of word) {
      if (this.#char() !== expected) this.#fail(`in literal ${word} (expecting '${expected}')`);
      this.#at++;
    }
  }

  #number(): void {
    if (this.#char() === "-") this.#at++;
    if (this.#char() === "0") this.#at++;
    else this.#digits("in numeric literal");
    if (this.#char() === ".") {
      this.#at++;
      this.#digits("after decimal point in numeric literal");
    }
    if (/[eE]/.test(this.#char() ?? "")) {
      this.#at++;
      if (/[-+]/.test(this.#char() ?? "")) this.#at++;
      this.#digits("in exponent of numeric literal");
    }
  }

  #digits(context: string): void {
    if (!/\d/.test(this.#char() ?? "")) this.#fail(context);
    while (/\d/.test(this.#char() ?? "")) this.#at++;
  }

  /** The next character that is no white space. */
  #peek(): string | undefined {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) break;
      this.#at++;
    }
    return this.#char();
  }

  #char(): string | undefined {
    const byte = this.#bytes[this.#at];
    return byte === undefined ? undefined : String.fromCharCode(byte);
  }

  #fail(context: string): never {
    const char = this.#char();
    throw new Problem(char === undefined ? END : `invalid character ${quoted(char)} ${context}`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "'": "\\'",
  "\\": "\\\\",
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/** One byte as Go quotes it: as the character of that number. */
function quoted(char: string): string {
  const code = char.charCodeAt(0);
  const escaped = ESCAPES[char];
  if (escaped !== undefined) return `'${escaped}'`;
  if (code < 0x20 || code === 0x7f) return `'\\x${code.toString(16).padStart(2, "0")}'`;
  if ((code > 0x7f && code <= 0xa0) || code === 0xad) return `'\\u${code.toString(16).padStart(4, "0")}'`;
  return `'${char}'`;
}
