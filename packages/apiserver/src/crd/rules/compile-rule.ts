import type { ValidationRule } from "@knots/api/apiextensions/v1";
import {
  CompileError,
  InstantiationError,
  RULES,
  compile,
  estimateCost,
  schemaAt,
  types,
  withVariables,
} from "@knots/cel";
import type { CelType, Environment, Program, SchemaType, SizeOfPath } from "@knots/cel";
import { fieldsOfRulePath } from "./rule-field-path.ts";

/** A rule of x-kubernetes-validations, ready to run. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly program: Program | undefined;
  readonly error: string | undefined;
  /** It compares with the state before, so it has no say where there is none. */
  readonly usesOldSelf: boolean;
  readonly message: Program | undefined;
  readonly messageError: string | undefined;
  /** What the rule's fieldPath adds to the path of the value. */
  readonly fieldPath: string;
}

const { BOOL, STRING, formatType, optionalOf, sameType } = types;

export function compileRule(rule: ValidationRule, schema: SchemaType): CompiledRule {
  const oldSelf = rule.optionalOldSelf === true ? optionalOf(schema.type) : schema.type;
  const env = withVariables(RULES, { self: schema.type, oldSelf });
  const program = attempt(rule.rule, env, BOOL, "cel expression");
  const { messageExpression } = rule;
  const message =
    messageExpression === undefined || messageExpression.trim() === ""
      ? undefined
      : attempt(messageExpression, env, STRING, "messageExpression");
  const compiled = typeof program === "string" ? undefined : program;
  return {
    rule,
    program: compiled,
    error: typeof program === "string" ? program : undefined,
    usesOldSelf: compiled?.uses("oldSelf") ?? false,
    message: typeof message === "string" ? undefined : message,
    messageError:
      typeof message === "string" ? message.replace(/^(?!messageExpression)/, "messageExpression ") : undefined,
    fieldPath: rule.fieldPath === undefined ? "" : fieldsOfRulePath(rule.fieldPath),
  };
}

function attempt(source: string, env: Environment, wanted: CelType, what: string): Program | string {
  try {
    const program = compile(source, env);
    if (sameType(program.type, wanted) || program.type.kind === "dyn") return program;
    return wanted === BOOL ? `${what} must evaluate to a bool` : `${what} must evaluate to a ${formatType(wanted)}`;
  } catch (error) {
    if (error instanceof CompileError) return `compilation failed: ${error.message}`;
    if (error instanceof InstantiationError) return error.message;
    throw error;
  }
}

/** Most that one run may cost, given the bounds of the schema. */
export function maxCost(program: Program, schema: SchemaType): number {
  // Every path counts as one that begins at self, as upstream: type names have one too.
  const size: SizeOfPath = ([, ...path]) => {
    const found = schemaAt(schema, path);
    return found === undefined ? undefined : { min: 0, max: found.maxElements };
  };
  return estimateCost(program.checked, size).max;
}
