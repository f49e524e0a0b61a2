import fc from "fast-check";
import { expect, it } from "vitest";
import { ArrayList } from "./collections.ts";
import type { CelList } from "./collections.ts";
import { withVariables } from "./environment.ts";
import { CompileError, CostExceeded, InstantiationError } from "./errors.ts";
import { RULES } from "./kubernetes.ts";
import { compile } from "./program.ts";
import { fromJson } from "./json-values.ts";
import { DYN, INT, STRING, listOf } from "./types.ts";
import type { Value } from "./values.ts";

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

const lists = { L: listOf(INT), S: STRING };
const numbers = (count: number): ArrayList => new ArrayList(Array.from({ length: count }, (_, i) => BigInt(i)));

it.each([
  "L.all(x, L.all(y, x + y >= 0))",
  "L.exists(x, L.exists(y, x / 0 == y || x + y == 197))",
  "L.map(x, L.map(y, x * y).sum()).sum() > 0 ? L.filter(x, L.exists_one(y, y == x)).size() : 0",
  "[L.map(x, x), L.filter(x, x > 3)] == [L, L] || {'a': L.all(x, x >= 0)}.a && L.transformMap(i, v, i + v).size() == 100",
  "[L.map(x, x + 1)].all(a, L.all(x, x + 1 in a))",
  "L.all(x, L.all(y, S.matches('^a+$') && L.all(z, true)))",
])("can be left and taken up again: %s", (source) => {
  const program = compile(source, withVariables(RULES, lists));
  const variables = new Map<string, Value>([
    ["L", numbers(100)],
    ["S", "aaa"],
  ]);
  const atOnce = program.evaluate(variables, 1_000_000);
  const work = program.evaluateInTurns(variables, 1_000_000, () => true);
  let yields = 0;
  let next = work.next();
  for (; next.done !== true; next = work.next()) yields++;
  expect(next.value).toEqual(atOnce);
  expect(yields).toBeGreaterThan(100);
});

it("begins no call that cannot be paid, and joins no lists without an end", () => {
  const env = withVariables(RULES, { ...lists, D: DYN });
  const variables = new Map<string, Value>([["L", numbers(100_000)]]);
  for (const source of ["sets.contains(L, L)", "sets.equivalent(L, L)", "sets.intersects(L, L.map(x, x - 1000000))"]) {
    expect(compile(source, env).evaluate(variables, 2_000_000).error).toBeInstanceOf(CostExceeded);
  }
  const doubled = `[L]${".map(a, a + a)".repeat(20)}[0].size()`;
  expect(compile(doubled, env).evaluate(variables, 1_000_000).error).toBeInstanceOf(CostExceeded);
});

it("reads joined lists from end to end, many of them too", () => {
  const joined = Array.from({ length: 5000 }, (_, i) => BigInt(i)).reduce<CelList>(
    (list, each) => list.concat(new ArrayList([each])),
    new ArrayList([]),
  );
  expect([...joined]).toEqual([...numbers(5000)]);
  let long: CelList = numbers(1000);
  for (let i = 0; i < 11; i++) long = long.concat(long);
  expect([long.size, long.at(0), long.at(1999), long.at(2_047_999)]).toEqual([2_048_000, 0n, 999n, 999n]);
});

it.each([
  ["S.matches('^(a|b)*a(a|b){20}c')", 2],
  ["S.find('a.*c|ab') == 'ab'", 2],
  ["S.findAll('a.*c|b').size() == 20000 && S.findAll('b|a', 3) == ['a', 'b', 'a']", 4],
  ["[S, 'c'].exists(s, s.matches('(a|b)*a(a|b){20}c') || s == 'c')", 2],
])("leaves a regular expression on a long text: %s", (source, least) => {
  const program = compile(source, withVariables(RULES, { S: STRING }));
  const variables = new Map<string, Value>([["S", "ab".repeat(20_000)]]);
  const atOnce = program.evaluate(variables, 1_000_000);
  const work = program.evaluateInTurns(variables, 1_000_000, () => false);
  let yields = 0;
  let next = work.next();
  for (; next.done !== true; next = work.next()) yields++;
  expect(atOnce.error).toBeUndefined();
  expect(next.value).toEqual(atOnce);
  expect(yields).toBeGreaterThanOrEqual(least);
});

it.each([
  ["'%s'.format([L])", 1],
  ["'%s and %s, %d'.format([dyn(L), [dyn([L]), L], 1])", 3],
  ["'%s'.format([{'a': dyn(L), 'b': [L]}])", 2],
])("leaves the text of long lists: %s", (source, least) => {
  const program = compile(source, withVariables(RULES, lists));
  const variables = new Map<string, Value>([["L", numbers(5000)]]);
  const atOnce = program.evaluate(variables, 1000);
  const work = program.evaluateInTurns(variables, 1000, () => false);
  let yields = 0;
  let next = work.next();
  for (; next.done !== true; next = work.next()) yields++;
  expect(atOnce.value).toMatch(/[[]0, 1, 2, .*, 4999\]/);
  expect(next.value).toEqual(atOnce);
  expect(yields).toBeGreaterThan(least);
});

it("makes no texts without an end", () => {
  const variables = new Map<string, Value>([
    ["L", numbers(100)],
    ["S", "x".repeat(1_000_000)],
  ]);
  const env = withVariables(RULES, lists);
  for (const source of [
    "'%s'.format([L.map(x, S)])",
    "L.map(x, 'a').join(S)",
    "S.replace('', 'a very long text')",
    `'${"%s".repeat(100)}'.format(L.map(x, S))`,
  ]) {
    const { error } = compile(source, env).evaluate(variables, 1_000_000);
    expect(error?.message).toMatch(/^the result of (format|join|replace) is too long$/);
  }
});

it.each([
  ["abcabc", "b", "x", -1, "axcaxc"],
  ["abcabc", "b", "x", 1, "axcabc"],
  ["abc", "b", "$&", -1, "a$&c"],
  ["aé😀", "", "-", -1, "-a-é-😀-"],
  ["aé😀", "", "-", 3, "-a-é-😀"],
  ["aé😀", "", "-", 1, "-aé😀"],
  ["", "", "-", -1, "-"],
  ["aaa", "aa", "b", 9, "ba"],
  ["abc", "x", "y", -1, "abc"],
  ["abc", "b", "", 0, "abc"],
])("replaces in %j %j by %j, %i times", (text, from, to, limit, result) => {
  const source = [text, from, to].map((each) => JSON.stringify(each));
  expect(
    compile(`${source[0]}.replace(${source[1]}, ${source[2]}, ${limit})`, RULES).evaluate(new Map(), 100).value,
  ).toBe(result);
});

it("does not begin a long regular expression that cannot be paid", () => {
  const program = compile("S.matches('^(a|b)*a(a|b){20}c') || true", withVariables(RULES, { S: STRING }));
  const variables = new Map<string, Value>([["S", "ab".repeat(20_000)]]);
  const { value } = program.evaluateInTurns(variables, 10_000, () => false).next();
  expect(value).toMatchObject({ error: expect.any(CostExceeded) as unknown, value: undefined });
});
