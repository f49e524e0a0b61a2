import { tests as checking } from "@bufbuild/cel-spec/testdata/checking.js";
import { tests as conformance } from "@bufbuild/cel-spec/testdata/conformance.js";
import { tests as parsing } from "@bufbuild/cel-spec/testdata/parsing.js";
import { describe, expect, it } from "vitest";
import { cases, decodeType, decodeValue, show } from "./conformance.testing.ts";
import type { ConformanceCase, Suite } from "./conformance.testing.ts";
import { newEnvironment } from "./environment.ts";
import type { CheckedExpr } from "./checker.ts";
import { CelError, CompileError } from "./errors.ts";
import { Frame } from "./frame.ts";
import { Compiler } from "./interpreter.ts";
import { parse } from "./parser.ts";
import { compile } from "./program.ts";
import { STANDARD } from "./standard.ts";
import { stringsExtension } from "./library/strings.ts";
import type { CelType } from "./types.ts";
import type { Value } from "./values.ts";

const SUITES = [
  "basic",
  "comparisons",
  "conversions",
  "fields",
  "fp_math",
  "integer_math",
  "lists",
  "logic",
  "macros",
  "macros2",
  "optionals",
  "parse",
  "plumbing",
  "string",
  "string_ext",
  "timestamps",
  "type_deductions",
];

/** What differs on purpose, and why. */
const EXCEPT: Readonly<Record<string, string>> = {};

function run({ original }: ConformanceCase): Value {
  const variables: Record<string, CelType> = {};
  for (const each of (original["typeEnv"] ?? []) as { name: string; ident?: { type?: Record<string, unknown> } }[]) {
    if (each.ident !== undefined) variables[each.name] = decodeType(each.ident.type ?? {});
  }
  const bindings = new Map<string, Value>();
  for (const [name, { value }] of Object.entries(
    (original["bindings"] ?? {}) as Record<string, { value: Record<string, unknown> }>,
  )) {
    bindings.set(name, decodeValue(value));
  }
  const env = newEnvironment({
    libraries: [...STANDARD, stringsExtension],
    variables,
    homogeneousLiterals: false,
    literalChecks: false,
  });
  const program = compile(original.expr, env);
  const { value, error, cost } = program.evaluate(bindings, 1_000_000);
  checkTurns(program.checked, bindings, value, cost);
  if (error !== undefined) throw error;
  return value ?? null;
}

/** In turns it is the same, and costs the same. */
function checkTurns(
  checked: CheckedExpr,
  bindings: ReadonlyMap<string, Value>,
  value: Value | undefined,
  cost: number,
): void {
  const step = new Compiler(checked).compile(checked.expr);
  if (step.turns === undefined) return;
  const frame = new Frame(bindings, 1_000_000);
  const steps = step.turns(frame);
  let found: Value | undefined;
  try {
    let next = steps.next();
    while (next.done !== true) next = steps.next();
    found = next.value;
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
  }
  expect(frame.cost).toBe(cost);
  expect(found === undefined ? undefined : show(found)).toEqual(value === undefined ? undefined : show(value));
}

const usable = (test: ConformanceCase): boolean =>
  test.original["disableCheck"] !== true &&
  test.original["disableMacros"] !== true &&
  test.original["container"] === undefined &&
  !JSON.stringify(test.original["typeEnv"] ?? "").includes("function");

describe("the language's test data", () => {
  for (const suite of conformance.suites as readonly Suite[]) {
    if (!SUITES.includes(suite.name)) continue;
    describe(suite.name, () => {
      for (const test of cases(suite)) {
        const { original } = test;
        const name = `${test.path}/${String(original["name"])}`;
        if (!usable(test) || Object.hasOwn(EXCEPT, name)) continue;
        it(`${name}: ${original.expr.slice(0, 80)}`, () => {
          if (original["evalError"] !== undefined) {
            expect(() => run(test)).toThrow();
            return;
          }
          const typed = original["typedResult"] as { result?: Record<string, unknown> } | undefined;
          const expected = (original["value"] ?? typed?.result) as Record<string, unknown> | undefined;
          if (original["checkOnly"] === true || (expected === undefined && typed !== undefined)) {
            expect(() => run(test)).not.toThrow(CompileError);
          } else {
            expect(show(run(test))).toEqual(expected === undefined ? true : show(decodeValue(expected)));
          }
        });
      }
    });
  }
});

describe("texts of the checker", () => {
  const env = newEnvironment({ libraries: STANDARD, homogeneousLiterals: false, literalChecks: false });
  for (const suite of [checking, parsing] as readonly Suite[]) {
    for (const test of cases(suite)) {
      const { error } = test;
      const { expr } = test.original;
      // Those that declare variables do not say which; comparisons across numbers and optional syntax are on here.
      if (error === undefined || !error.startsWith("ERROR: <input>") || /\bx\b|<|>|optional|noop|asList/.test(expr))
        continue;
      if (/existsOne/.test(expr)) continue;
      it(expr.slice(0, 80), () => {
        expect(() => compile(expr, env)).toThrow(expect.objectContaining({ message: error }) as Error);
      });
    }
  }
});

describe("texts of the parser", () => {
  for (const test of cases(parsing as Suite)) {
    const { error } = test;
    if (error === undefined || !error.startsWith("ERROR: :") || error.includes("unsupported syntax")) continue;
    if (error.includes("limit") || error.includes("depth")) continue;
    it(test.original.expr.slice(0, 80), () => {
      let message = "";
      try {
        parse(test.original.expr);
      } catch (thrown) {
        message = (thrown as Error).message;
      }
      // The place where it stops making sense is the same; what a recovering parser says after that is not copied.
      const [, place] = /ERROR: (?:<input>)?(:\d+:\d+)/.exec(error) ?? [];
      expect(message).toMatch(new RegExp(`^ERROR: <input>${place ?? ""}: `));
    });
  }
});
