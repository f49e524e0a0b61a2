import { CompileError, InstantiationError, compile, types } from "@knots/cel";
import type { CelType, Environment, Program } from "@knots/cel";

/** As the compiler's own types call themselves: null is "null_type" here. */
const declaredName = (type: CelType): string => (type.params.length === 0 ? type.name : types.formatType(type));

/**
 * The program, or upstream's words for why there is none. `results`: types that it may have; none given: any. What may
 * turn out to be anything is none of them.
 */
export function compileExpression(
  expression: string,
  env: Environment,
  ...results: readonly CelType[]
): Program | string {
  try {
    const program = compile(expression, env);
    if (results.length === 0 || results.some((type) => types.sameType(type, program.type))) return program;
    const names = results.map(declaredName);
    const wanted = names.length === 1 ? (names[0] ?? "") : `one of [${names.join(" ")}]`;
    return `must evaluate to ${wanted} but got ${declaredName(program.type)}`;
  } catch (error) {
    if (error instanceof CompileError) return `compilation failed: ${error.message}`;
    if (error instanceof InstantiationError) return error.message;
    throw error;
  }
}
