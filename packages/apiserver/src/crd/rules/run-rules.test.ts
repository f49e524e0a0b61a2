import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { expect, test } from "vitest";
import { compileRules } from "./rule-tree.ts";
import { runRules, runRulesInTurns } from "./run-rules.ts";

const rule = (text: string): { rule: string } => ({ rule: text });
const SCHEMA: JSONSchemaProps = {
  type: "object",
  properties: {
    list: {
      type: "array",
      items: { type: "integer", "x-kubernetes-validations": [rule("self > 0"), rule("self < 10")] },
    },
  },
  "x-kubernetes-validations": [rule("self.list.size() > 0")],
};

test("rules are run with a pause after each, and find the same", async () => {
  const rules = compileRules(SCHEMA);
  if (rules === undefined) throw new Error("there are rules");
  const object = { list: [1, 12, -3] };
  let asked = 0;
  let others = 0;
  const turn = {
    get isOver() {
      return ++asked % 2 === 1;
    },
    async next() {
      await new Promise(setImmediate);
      others++;
    },
  };
  const { errors, warnings } = await runRulesInTurns(rules, object, undefined, turn);
  expect(asked).toBe(8);
  expect(others).toBe(4);
  const atOnce = runRules(rules, object, undefined);
  expect(errors).toEqual(atOnce.errors);
  expect(warnings).toEqual(atOnce.warnings);
  expect(errors.map(({ field }) => field)).toEqual(["list[1]", "list[2]"]);
});

const NESTED = "self.all(x, self.all(y, self.all(z, x + y + z >= 0)))";
const LIST: JSONSchemaProps = { type: "array", items: { type: "integer" } };

test("nothing more is run when the budget is spent, in turns too", async () => {
  const rules = compileRules({ ...LIST, "x-kubernetes-validations": [rule(NESTED), rule("false")] });
  if (rules === undefined) throw new Error("there are rules");
  const object = Array.from({ length: 200 }, (_, i) => i);
  for (const isOver of [false, true]) {
    const turn = { isOver, next: async () => {} };
    const { errors } = await runRulesInTurns(rules, object, undefined, turn);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.detail).toContain("no further validation rules will be run due to call cost exceeds limit");
  }
});

test("a rule that takes long is left many times, and ends as if it had not been", async () => {
  const rules = compileRules({ ...LIST, "x-kubernetes-validations": [rule(NESTED), rule("self.size() < 30")] });
  if (rules === undefined) throw new Error("there are rules");
  const object = Array.from({ length: 30 }, (_, i) => i);
  let others = 0;
  const turn = {
    isOver: true,
    next: async () => {
      others++;
    },
  };
  const { errors } = await runRulesInTurns(rules, object, undefined, turn);
  expect(errors).toEqual(runRules(rules, object, undefined).errors);
  expect(errors.map(({ detail }) => detail)).toEqual(["failed rule: self.size() < 30"]);
  expect(others).toBeGreaterThan(30 ** 3);
});
