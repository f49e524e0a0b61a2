import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, it } from "vitest";
import { compileRegex } from "../regex.ts";
import { Program } from "./program.ts";
import { findAll, test } from "./search.ts";
import { Work } from "./work.ts";

function run<T>(work: Generator<undefined, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** `bits`: few of them divide short texts into stretches as well. */
function expectSame(source: string, text: string, bits?: number): void {
  const pattern = RE2JS.compile(source);
  const program = new Program(pattern);
  const said = `${source} on ${JSON.stringify(text)}`;
  // RE2JS itself, as the texts are short.
  const want = compileRegex(source).findAll(text, Infinity);
  expect(run(findAll(program, text, Infinity, new Work(), bits)), said).toEqual(want);
  expect(run(findAll(program, text, 2, new Work(), bits)), said).toEqual(want.slice(0, 2));
  expect(run(test(program, text)), said).toBe(pattern.test(text));
}

const LETTERS = ["a", "b", "k", "K", "\u212a", "é", "\n", "😀", "0", "_", " ", "\ud800", "\udc00"];
const text = fc.array(fc.constantFrom(...LETTERS), { maxLength: 24 }).map((parts) => parts.join(""));
const atom = fc.constantFrom(
  ...String.raw`a b ab k . (?s:.) [ab] [^a] [^\x00-k] \w \W \s \pL \PL 😀 é [[:digit:]] (?i:k) (?i:[a-k])`.split(" "),
  ...String.raw`^ $ \A \z \b \B (?m:^) (?m:$) (?:) ()`.split(" "),
);
const repeat = fc.constantFrom("*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}", "{0,3}?", "{0}");
const { source } = fc.letrec<{ source: string }>((tie) => ({
  source: fc.oneof(
    { maxDepth: 5, depthIdentifier: "source" },
    atom,
    fc.tuple(tie("source"), tie("source")).map((parts) => parts.join("")),
    fc.tuple(tie("source"), tie("source")).map(([a, b]) => `(?:${a}|${b})`),
    fc.tuple(tie("source"), repeat).map(([a, b]) => `(${a})${b}`),
    tie("source").map((a) => `(?i:${a})`),
  ),
}));

it("finds no empty match where another one ends, whatever the length", () => {
  const regex = compileRegex("a*");
  expect(regex.findAll("baaab", Infinity)).toEqual(["", "aaa", ""]);
  expect(regex.findAll("baaab".repeat(200), Infinity)).toEqual(["", ...Array<string[]>(200).fill(["aaa", ""]).flat()]);
});

describe("against RE2JS", () => {
  it("finds the same", () => {
    fc.assert(
      fc.property(source, text, (pattern, subject) => {
        expectSame(pattern, subject);
      }),
      { numRuns: 3000 },
    );
  });

  it("finds the same in stretches", () => {
    fc.assert(
      fc.property(source, text, (pattern, subject) => {
        expectSame(pattern, subject, 1);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["a*", "baaab"],
    ["a*?", "baaab"],
    ["|a", "aab"],
    ["a|", "aab"],
    ["(|a)*", "aab"],
    ["(|a)+", "aab"],
    ["(a|b)*?$", "abab"],
    ["(a*)*", "aab"],
    ["(a*)+b", "aaab"],
    ["(?:a?)*?b", "aab"],
    ["(?:a|ab)(?:c|bcd)(?:d*)", "abcd"],
    ["a.*b|a", "aaaabaaa"],
    ["x*", "😀x😀"],
    ["", "😀"],
    ["\\b", "a b"],
    ["(?m)^.*$", "a\n\nb\n"],
    ["^", "aa"],
    ["$", "aa"],
    ["[^\\x00-\\x{10FFFF}]", "a"],
    ["[^\\x00-\\x{10FFFF}]|a", "ba"],
    ["(?i)straße|k", "STRASSE STRAßE \u212a"],
    ["\\pN+", "1²٣x"],
    ["(a|b)*a(a|b){20}c", "abbabaababbababbabaabbabaabbabc"],
    ["(a?){30}a{30}", "a".repeat(30)],
    ["(x+x+)+y", "x".repeat(50)],
  ])("%s on %j", (pattern, subject) => {
    expectSame(pattern, subject);
    expectSame(pattern, subject, 1);
  });
});

/** Counts all steps, the most between two pauses, and the pauses that were due. */
class Meter extends Work {
  total = 0;
  most = 0;
  due = 0;
  #since = 0;

  override add(steps: number): boolean {
    this.total += steps;
    this.#since += steps;
    this.most = Math.max(this.most, this.#since);
    if (!super.add(steps)) return false;
    this.#since = 0;
    this.due++;
    return true;
  }
}

describe.each([
  ["(a|b)*a(a|b){200}c", "ab"],
  ["(?:[a-z]?){150}[0-9]|[a-z]", "xy"],
  ["x.*z|x", "xx"],
  ["(x+x+)+y", "xx"],
  ["(.*)(.*)(.*)(.*)(.*)[0-9]$", "x "],
  ["^(?:.?){1000}$", "x "],
  ["[a-z]", "xy"],
])("%s", (source, pair) => {
  const program = new Program(RE2JS.compile(source));
  const length = 20_000;
  const text = pair.repeat(length / 2);
  const work = {
    test: (meter: Meter) => test(program, text, meter),
    "find all": (meter: Meter) => findAll(program, text, Infinity, meter),
  };
  it.each(Object.entries(work))("takes linear time to %s, and pauses", (_what, run) => {
    const meter = new Meter();
    let pauses = 0;
    for (const work = run(meter); work.next().done !== true;) pauses++;
    expect(meter.total).toBeLessThan(10 * program.size * length);
    expect(pauses).toBe(meter.due);
    // What one character takes is not divided.
    expect(meter.most).toBeLessThan(20_000 + 4 * program.size);
  });
});
