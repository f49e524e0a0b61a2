import type { Expr } from "./ast.ts";
import { CelError } from "./errors.ts";
import type { Issue } from "./errors.ts";
import { compileRegex } from "./regex.ts";
import { Duration, Timestamp } from "./time-values.ts";

/** Whether a text can be the first argument of these functions. */
const CHECKS: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ["duration", (text) => Duration.parse(text) !== undefined],
  ["timestamp", (text) => Timestamp.parse(text) !== undefined],
  ["matches", isPattern],
]);

function isPattern(text: string): boolean {
  try {
    compileRegex(text);
    return true;
  } catch (error) {
    if (error instanceof CelError) return false;
    throw error;
  }
}

/** Literals that no call with them can take: told when an expression is written, as Kubernetes does. */
export function checkLiterals(root: Expr): Issue[] {
  const issues: Issue[] = [];
  const open: Expr[] = [root];
  for (let expr = open.pop(); expr !== undefined; expr = open.pop()) {
    if (expr.kind === "call") {
      const [first] = expr.args;
      const check = CHECKS.get(expr.function);
      if (first?.kind === "literal" && typeof first.value === "string" && check?.(first.value) === false) {
        issues.push({ pos: first.pos, message: `invalid ${expr.function} argument` });
      }
    }
    for (const part of partsOf(expr)) open.push(part);
  }
  return issues;
}

function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "literal":
    case "ident":
      return [];
    case "select":
      return [expr.operand];
    case "call":
      return expr.target === undefined ? expr.args : [expr.target, ...expr.args];
    case "list":
      return expr.elements;
    case "map":
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case "struct":
      return expr.entries.map(({ value }) => value);
    case "comprehension":
      return [expr.range, expr.accuInit, expr.condition, expr.step, expr.result];
  }
}
