import { fromJson } from "@knots/cel";
import { expect, test } from "vitest";
import { compileExpression } from "./compile.ts";
import { MATCH_CONDITION } from "./environment.ts";
import { PolicyRun } from "./evaluate.ts";
import { compileVariables } from "./policy-variables.ts";

const LIST = Array.from({ length: 300 }, (_, i) => i);
const request = { get: (name: string) => (name === "object" ? fromJson({ list: LIST }) : undefined) };

function policy(variables: Record<string, string>): { run: PolicyRun; ask: (expression: string) => Promise<unknown> } {
  const list = Object.entries(variables).map(([name, expression]) => ({ name, expression }));
  const { compiled, env } = compileVariables(list, MATCH_CONDITION);
  const run = new PolicyRun(request, compiled, undefined);
  return { run, ask: async (expression) => run.evaluate(compileExpression(expression, env)) };
}

test("variables that take long are waited for, those that they use too, and each is evaluated once", async () => {
  const { run, ask } = policy({
    all: "object.list.all(x, object.list.all(y, x + y >= 0))",
    some: "variables.all && object.list.exists(x, object.list.exists(y, x + y == 598))",
    both: "[variables.all, variables.some]",
  });
  expect(await ask("object.list.all(x, variables.both.all(each, each))")).toEqual({ value: true });
  for (let i = 0; i < 20; i++) expect(await ask("variables.some")).toEqual({ value: true });
  expect(run.outOfBudget).toBe(false);
});

test("a variable that costs too much ends what mentions it, and is paid for once", async () => {
  const { run, ask } = policy({ much: "object.list.all(x, object.list.all(y, object.list.all(z, x + y + z >= 0)))" });
  const error =
    "expression 'variables.much || true' resulted in error: operation cancelled: actual cost limit exceeded";
  for (let i = 0; i < 15; i++) expect(await ask("variables.much || true")).toEqual({ error });
  expect(run.outOfBudget).toBe(false);
});
