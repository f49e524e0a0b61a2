import { describe, expect, it } from "vitest";
import { exactInteger, longIntegers, parseJsonExactly } from "./exact-json.ts";

const MAX = "9223372036854775807";

describe("parseJsonExactly", () => {
  it("gives a bigint to integers of 64 bits that no number holds, and to no other", () => {
    const text = `{"max":${MAX},"min":-9223372036854775808,"odd": -9007199254740993,"even":9007199254740992,"small":[1,-1]}`;
    expect(parseJsonExactly(text)).toEqual({
      max: 9223372036854775807n,
      min: -9223372036854775808,
      odd: -9007199254740993n,
      even: 9007199254740992,
      small: [1, -1],
    });
    expect(parseJsonExactly(MAX)).toBe(9223372036854775807n);
    expect(parseJsonExactly(`[${MAX}]`)).toEqual([9223372036854775807n]);
  });

  it("reads floats, integers beyond 64 bits and texts as JSON.parse does", () => {
    const text = `{"float":1234567890123456.7,"exponent":9223372036854775807e0,"beyond":9223372036854775809,"text":": ${MAX}"}`;
    expect(parseJsonExactly(text)).toEqual(JSON.parse(text));
    expect(() => parseJsonExactly(`{"a":${MAX}`)).toThrow(SyntaxError);
  });

  it("reads what JSON.stringify writes", () => {
    const text = `{"a":[${MAX},{"b":-9223372036854775807}],"c":1}`;
    expect(JSON.stringify(parseJsonExactly(text))).toBe(text);
    expect(JSON.stringify(structuredClone(parseJsonExactly(text)))).toBe(text);
  });
});

describe("exactInteger", () => {
  it("gives one form to a value", () => {
    expect(exactInteger(1n)).toBe(1);
    expect(exactInteger(2n ** 53n)).toBe(2 ** 53);
    expect(exactInteger(2n ** 53n + 1n)).toBe(2n ** 53n + 1n);
    expect(exactInteger(2n ** 64n + 1n)).toBe(2 ** 64);
  });
});

describe("longIntegers", () => {
  it("tells where they are", () => {
    expect(longIntegers({ spec: { list: [1, 9223372036854775807n] } })).toEqual([
      { path: ["spec", "list", 1], value: 9223372036854775807n },
    ]);
    expect(longIntegers({ a: 1 })).toEqual([]);
  });
});
