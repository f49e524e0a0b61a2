import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonSyntaxProblem } from "./json-syntax.ts";
import { checkDepth, MAX_DEPTH, parseJson } from "./parse-json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string): unknown => parseJson(bytes(text));

describe("parseJson", () => {
  it.each([
    ["", "unexpected end of JSON input"],
    ["{", "unexpected end of JSON input"],
    ['{"a', "unexpected end of JSON input"],
    ["}", "invalid character '}' looking for beginning of value"],
    ["imastring!", "invalid character 'i' looking for beginning of value"],
    ["{]", "invalid character ']' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ["{}{}", "invalid character '{' after top-level value"],
    ["01", "invalid character '1' after top-level value"],
    ["-x", "invalid character 'x' in numeric literal"],
    ["1.x", "invalid character 'x' after decimal point in numeric literal"],
    ["1ex", "invalid character 'x' in exponent of numeric literal"],
    ["trux", "invalid character 'x' in literal true (expecting 'e')"],
    ["nul", "unexpected end of JSON input"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"a\u0001b"', "invalid character '\\x01' in string literal"],
    [String.raw`"\x"`, "invalid character 'x' in string escape code"],
    [String.raw`"\u12g4"`, "invalid character 'g' in \\u hexadecimal character escape"],
    ["\ufeff{}", "invalid character 'ï' looking for beginning of value"],
    ["é", "invalid character 'Ã' looking for beginning of value"],
    ["'a'", "invalid character '\\'' looking for beginning of value"],
  ])("says what is wrong with %j", (text, message) => {
    expect(() => parse(text)).toThrow(new SyntaxError(message));
  });

  it("agrees with JSON.parse on what is JSON", () => {
    const pieces = '{ } [ ] , : "a" "\\u00e9" " \\ 1 -0 2.5e-3 . e true null fals \n é'.split(" ");
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        expect(jsonSyntaxProblem(bytes(text)) === undefined).toBe(valid);
      }),
      { numRuns: 3000 },
    );
  });

  it("reads what JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(parse(text))).toBe(text);
        expect(jsonSyntaxProblem(bytes(text))).toBeUndefined();
      }),
    );
  });

  it("nests no deeper than everything else can follow", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(Array.isArray(parse(nested(MAX_DEPTH)))).toBe(true);
    expect(parse(JSON.stringify({ a: `"${"[".repeat(5000)}`, b: "\\" }))).toMatchObject({ b: "\\" });
    expect(() => parse(nested(MAX_DEPTH + 1))).toThrow("exceeded max depth");
    expect(() => parse("[".repeat(2_000_000))).toThrow("exceeded max depth");
    expect(() => checkDepth(parse(nested(MAX_DEPTH)))).not.toThrow();
    expect(() => checkDepth([parse(nested(MAX_DEPTH))])).toThrow("exceeded max depth");
  });

  it("takes half a surrogate pair and bytes that are no UTF-8 for U+FFFD", () => {
    expect(parse(String.raw`{"a\ud800":["\udc00b"],"\ud83d\ude00":1}`)).toEqual({
      "a\ufffd": ["\ufffdb"],
      "\u{1f600}": 1,
    });
    expect(parseJson(new Uint8Array([0x22, 0xff, 0x22]))).toBe("\ufffd");
  });

  it("keeps __proto__ as a key of its own", () => {
    expect(Object.keys(parse('{"__proto__":{"a":1},"b":"\\udc00"}') as object)).toEqual(["__proto__", "b"]);
  });
});
