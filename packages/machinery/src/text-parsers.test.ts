// Whatever is written, a parser reads it or says so with its own error: nobody's text may be a fault of the server.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFieldSelector } from "./fields.ts";
import { scaledValue } from "./int-or-string.ts";
import { parseSelector, selectorFromLabelSelector } from "./labels.ts";
import {
  generateName,
  isDNS1035Label,
  isDNS1123Label,
  isDNS1123Subdomain,
  isQualifiedName,
  isValidLabelValue,
} from "./names.ts";
import { Quantity } from "./quantity.ts";
import { formatDuration, parseDuration, parseTime } from "./time.ts";

const PIECES =
  "a b example.com/c / = == != ! , ( ) in notin < > \\ \\, \\= . - _ 1 -1 0 1e9 1e99999 m Mi Ki e E n u µs h s . % + T Z 2026-01-02 03:04:05 __proto__ constructor é \u0000 \ud800".split(
    " ",
  );
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.array(fc.constantFrom(...PIECES, " "), { maxLength: 10 }).map((parts) => parts.join("")),
);

const PARSERS: readonly [name: string, parse: (text: string) => unknown, error: new (message?: string) => Error][] = [
  ["label selectors", (each) => parseSelector(each).matches({ a: "1" }), SyntaxError],
  ["field selectors", (each) => parseFieldSelector(each).matches({ a: "1" }), SyntaxError],
  ["quantities", (each) => Quantity.parse(each).toString(), SyntaxError],
  ["durations", parseDuration, SyntaxError],
  ["times", parseTime, SyntaxError],
  ["percentages", (each) => scaledValue(each, 10, true), RangeError],
];

describe("any text", () => {
  it.each(PARSERS)("is read by the parser of %s, or refused", (_name, parse, refusal) => {
    fc.assert(
      fc.property(text, (each) => {
        try {
          parse(each);
        } catch (error) {
          if (!(error instanceof refusal)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });

  it.each(PARSERS)(
    "of a hundred thousand characters takes the parser of %s no longer than its length",
    (_name, parse) => {
      for (const piece of ["a", "1", "(", "a,", "a=1,", "1h", " ", "\\", "!", "a in (", ".", "1.", "1e"]) {
        const long = `${piece.repeat(100_000 / piece.length)}?`;
        const start = process.cpuUsage();
        try {
          parse(long);
        } catch {
          // Most are refused; what counts is that they are soon.
        }
        // A parser that goes back and forth would take minutes: the bound is that coarse on purpose.
        expect(process.cpuUsage(start).user / 1e6).toBeLessThan(10);
      }
    },
  );

  it("is a name of some kind or not, and says why not", () => {
    fc.assert(
      fc.property(text, (each) => {
        for (const check of [isDNS1123Label, isDNS1123Subdomain, isDNS1035Label, isQualifiedName, isValidLabelValue]) {
          expect(check(each).every((problem) => problem.length > 0)).toBe(true);
        }
        // Each kind is narrower than the next.
        if (isDNS1035Label(each).length === 0) expect(isDNS1123Label(each)).toEqual([]);
        if (isDNS1123Label(each).length === 0) expect(isDNS1123Subdomain(each)).toEqual([]);
        if (isDNS1123Label(each).length === 0) expect(isValidLabelValue(each)).toEqual([]);
      }),
    );
  });

  it("that begins a name gives a name that is not too long", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z][-a-z0-9]{0,300}$/), (base) => {
        expect(isDNS1123Label(generateName(base))).toEqual([]);
      }),
    );
  });
});

describe("label selectors", () => {
  it("write what they read, and read it again", () => {
    fc.assert(
      fc.property(text, (each) => {
        let written: string;
        try {
          written = parseSelector(each).toString();
        } catch {
          return;
        }
        expect(parseSelector(written).toString()).toBe(written);
      }),
      { numRuns: 3000 },
    );
  });

  it("know no operator that is merely a part of every object", () => {
    for (const operator of ["constructor", "__proto__", "toString", ""]) {
      expect(() => selectorFromLabelSelector({ matchExpressions: [{ key: "a", operator }] })).toThrow(SyntaxError);
    }
  });
});

it("durations are written as they are read", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(10 ** 10), max: 10 ** 10 }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
});
