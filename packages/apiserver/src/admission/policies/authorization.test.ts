import { describe, expect, it } from "vitest";
import { compileExpression } from "./compile.ts";
import { MATCH_CONDITION } from "./environment.ts";
import type { Attributes } from "../../auth/types.ts";
import { types } from "@knots/cel";
import { AuthorizationContext, AuthorizerValue } from "./authorization.ts";

/** What the authorizer is asked by an expression, and what becomes of the expression. */
function ask(expression: string): { asked: Attributes[]; value: unknown } {
  const asked: Attributes[] = [];
  const context = new AuthorizationContext({
    authorize(attributes) {
      asked.push(attributes);
      return { allowed: "allow", reason: "" };
    },
  });
  const program = compileExpression(expression, MATCH_CONDITION, types.BOOL);
  if (typeof program === "string") throw new Error(program);
  const authorizer = new AuthorizerValue(context, { name: "u", groups: [] });
  const { value, error } = program.evaluate(
    { get: (name) => (name === "authorizer" ? authorizer : undefined) },
    1_000_000,
  );
  if (error !== undefined) throw error;
  return { asked, value };
}

describe("authorizer in expressions", () => {
  it("takes selectors", () => {
    const { asked, value } = ask(
      "authorizer.group('').resource('pods').fieldSelector('spec.nodeName=n1').labelSelector('a in (b)').check('list').allowed()",
    );
    expect(value).toBe(true);
    expect(asked).toMatchObject([
      {
        verb: "list",
        resource: "pods",
        fieldSelector: { requirements: [{ field: "spec.nodeName", operator: "=", value: "n1" }] },
        labelSelector: { requirements: [{ key: "a", operator: "in", values: ["b"] }] },
      },
    ]);
  });

  it("asks without those that it cannot read", () => {
    const { asked, value } = ask(
      "authorizer.group('').resource('pods').fieldSelector('nonsense').check('list').allowed()",
    );
    expect(value).toBe(true);
    expect(asked[0]?.fieldSelector).toMatchObject({ requirements: [] });
    expect(asked[0]?.labelSelector).toBeUndefined();
  });
});
