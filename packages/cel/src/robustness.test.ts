import fc from "fast-check";
import { expect, it } from "vitest";
import { CompileError, InstantiationError } from "./errors.ts";
import { RULES } from "./kubernetes.ts";
import { compile } from "./program.ts";
import { fromJson } from "./json-values.ts";

const TOKENS =
  "a b 1 2u 1.5 'x' b'y' true null + - * / % ! && || == < in ? : . , ( ) [ ] { } .? [? has( size( .all(x, .map(x, x) .filter(y, y) string( int( matches( optional.of( .orValue( .format([ ])".split(
    " ",
  );

/** Compiles and runs whatever it is; only the errors that callers know come out. */
function run(source: string): void {
  try {
    compile(source, RULES).evaluate(new Map(), 10_000);
  } catch (error) {
    if (!(error instanceof CompileError) && !(error instanceof InstantiationError)) throw error;
  }
}

it("survives any text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), run), { numRuns: 500 });
});

it("survives any sequence of tokens", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...TOKENS), { maxLength: 14 }), (tokens) => run(tokens.join(" "))),
    { numRuns: 2000 },
  );
});

it.each([
  ["nothing but errors", "é".repeat(50_000)],
  ["strings without an end", "'\\".repeat(30_000)],
  ["a string without an end", `'${"a".repeat(90_000)}`],
])("says little about %s", (_what, source) => {
  expect(() => compile(source, RULES)).toThrow(CompileError);
  try {
    compile(source, RULES);
  } catch (error) {
    expect((error as Error).message.length).toBeLessThan(100_000);
  }
});

it("does not reach what JSON does not hold itself", () => {
  const value = fromJson(JSON.parse('{"a": 1, "__proto__": {"x": 2}}'));
  const env = { ...RULES, variables: new Map([["v", { kind: "dyn", name: "dyn", params: [] } as const]]) };
  const see = (source: string): unknown => compile(source, env).evaluate(new Map([["v", value]]), 1000).value;
  expect(see("has(v.constructor) || has(v.toString) || 'hasOwnProperty' in v")).toBe(false);
  expect(see("v.__proto__.x")).toBe(2n);
  expect(Object.getPrototypeOf({})).toBe(Object.prototype);
});
