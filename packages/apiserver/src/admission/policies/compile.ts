import { CompileError, InstantiationError, compile, types } from "@knots/cel";
import type { CelType, Environment, Program } from "@knots/cel";

/** The program, or upstream's words for why there is none. `results`: types that it may have; none given: any. */
export function compileExpression(
  expression: string,
  env: Environment,
  ...results: readonly CelType[]
): Program | string {
  try {
    const program = compile(expression, env);
    if (
      results.length === 0 ||
      program.type.kind === "dyn" ||
      results.some((type) => types.sameType(type, program.type))
    )
      return program;
    const names = results.map(types.formatType);
    return names.length === 1 ? `must evaluate to ${names[0] ?? ""}` : `must evaluate to one of [${names.join(" ")}]`;
  } catch (error) {
    if (error instanceof CompileError) return `compilation failed: ${error.message}`;
    if (error instanceof InstantiationError) return error.message;
    throw error;
  }
}
