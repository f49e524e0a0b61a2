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
  let pauses = 0;
  let others = 0;
  const pause = (): Promise<void> | undefined => {
    pauses++;
    if (pauses % 2 === 0) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        others++;
        resolve();
      });
    });
  };
  const { errors, warnings } = await runRulesInTurns(rules, object, undefined, pause);
  expect(pauses).toBe(7);
  expect(others).toBe(4);
  const atOnce = runRules(rules, object, undefined);
  expect(errors).toEqual(atOnce.errors);
  expect(warnings).toEqual(atOnce.warnings);
  expect(errors.map(({ field }) => field)).toEqual(["list[1]", "list[2]"]);
});

test("nothing more is run when the budget is spent, in turns too", async () => {
  const all = "self.all(x, self.all(y, self.all(z, x + y + z >= 0)))";
  const schema: JSONSchemaProps = {
    type: "array",
    items: { type: "integer" },
    "x-kubernetes-validations": [rule(all), rule("false")],
  };
  const rules = compileRules(schema);
  if (rules === undefined) throw new Error("there are rules");
  const object = Array.from({ length: 200 }, (_, i) => i);
  const { errors } = await runRulesInTurns(rules, object, undefined, () => undefined);
  expect(errors).toHaveLength(1);
  expect(errors[0]?.detail).toContain("no further validation rules will be run due to call cost exceeds limit");
});
