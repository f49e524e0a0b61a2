// What a policy's expressions would say of the types that its rules name: warnings, for the policy's status.
import type {
  ExpressionWarning,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicy,
} from "@knots/api/admissionregistration/v1";
import { CompileError, compile, withVariables } from "@knots/cel";
import type { Environment } from "@knots/cel";
import type { Registry } from "../../registry/registry.ts";
import { apiVersionOf } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import { policyEnvironment } from "./environment.ts";
import { servedKind } from "./params.ts";
import { compileVariables } from "./policy-variables.ts";
import { celTypeOf } from "./type-schema-types.ts";

/** As upstream: a policy for more types than that is checked for these alone. */
const MOST_TYPES = 10;

export function typeCheck(policy: ValidatingAdmissionPolicy, registry: Registry): ExpressionWarning[] {
  const { spec = {} } = policy;
  const params = spec.paramKind === undefined ? undefined : servedKind(registry, spec.paramKind);
  const environments = typesOf(spec.matchConstraints?.resourceRules ?? [], registry).map((served) => {
    const base = typed(policyEnvironment({ params: spec.paramKind !== undefined }), served, params);
    const kind = `${apiVersionOf(served.info)}, Kind=${served.info.kind}`;
    return { kind, base, env: compileVariables(spec.variables, base).env };
  });
  const warnings: ExpressionWarning[] = [];
  const check = (fieldRef: string, expression: string | undefined, of: "env" | "base" = "env"): void => {
    if (expression === undefined || expression.trim() === "") return;
    const found = environments.flatMap((each) => {
      const problem = problemOf(expression, each[of]);
      return problem === undefined ? [] : [`${each.kind}: ${problem}\n`];
    });
    if (found.length > 0) warnings.push({ fieldRef, warning: found.join("") });
  };
  spec.variables?.forEach(({ expression }, i) => check(`spec.variables[${i}].expression`, expression));
  spec.validations?.forEach(({ expression, messageExpression }, i) => {
    check(`spec.validations[${i}].expression`, expression);
    check(`spec.validations[${i}].messageExpression`, messageExpression);
  });
  return warnings;
}

function problemOf(expression: string, env: Environment): string | undefined {
  try {
    compile(expression, env);
    return undefined;
  } catch (error) {
    if (error instanceof CompileError) return error.message;
    throw error;
  }
}

function typed(env: Environment, served: ServedResource, params: ServedResource | undefined): Environment {
  const object = served.schema === undefined ? undefined : celTypeOf(served.schema);
  return withVariables(env, {
    ...(object === undefined ? {} : { object, oldObject: object }),
    ...(params?.schema === undefined ? {} : { params: celTypeOf(params.schema) }),
  });
}

/** The types that rules without wildcards name. */
function typesOf(rules: readonly NamedRuleWithOperations[], registry: Registry): ServedResource[] {
  const found = new Set<ServedResource>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of rules) {
    if ([...apiGroups, ...apiVersions, ...resources].some((each) => each.includes("*"))) continue;
    for (const group of apiGroups) {
      for (const version of apiVersions) {
        for (const resource of resources) {
          const served = registry.served(group, version, resource);
          if (served !== undefined && found.size < MOST_TYPES) found.add(served);
        }
      }
    }
  }
  return [...found];
}
