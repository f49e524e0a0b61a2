import { addAll } from "@knots/machinery";
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
} from "@knots/api/admissionregistration/v1";
import { types } from "@knots/cel";
import type { Program } from "@knots/cel";
import { showable } from "../../crd/rules/run-rules.ts";
import { compileExpression } from "./compile.ts";
import { policyEnvironment } from "./environment.ts";
import { OUT_OF_BUDGET, PolicyRun } from "./evaluate.ts";
import { MatchConditions } from "./match-conditions.ts";
import { PolicyMatch } from "./policy-match.ts";
import { compileVariables } from "./policy-variables.ts";
import type { CompiledVariable } from "./policy-variables.ts";
import type { RequestVariables } from "./request-variables.ts";

const { BOOL, NULL, STRING } = types;
const MAX_ANNOTATION_BYTES = 10 * 1024;

/** Why a policy refuses. */
export interface Denial {
  readonly message: string;
  /** A Status reason. */
  readonly reason: string;
  /** Which validation; undefined when it is the policy as a whole. */
  readonly index: number | undefined;
}

export interface Verdict {
  readonly denials: readonly Denial[];
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
}

interface CompiledValidation {
  readonly validation: Validation;
  readonly program: Program | string;
  readonly message: Program | string | undefined;
}

export interface CompiledBinding {
  readonly name: string;
  readonly binding: ValidatingAdmissionPolicyBinding;
  readonly match: PolicyMatch;
  readonly actions: readonly string[];
}

export function compileBinding(binding: ValidatingAdmissionPolicyBinding): CompiledBinding {
  return {
    name: binding.metadata?.name ?? "",
    binding,
    match: new PolicyMatch(binding.spec.matchResources),
    actions: binding.spec.validationActions ?? [],
  };
}

/** A ValidatingAdmissionPolicy with its expressions compiled; what does not compile fails when it is asked. */
export class CompiledValidatingPolicy {
  readonly name: string;
  readonly policy: ValidatingAdmissionPolicy;
  readonly match: PolicyMatch;
  readonly ignoresFailure: boolean;
  readonly #conditions: MatchConditions;
  readonly #variables: readonly CompiledVariable[];
  readonly #validations: readonly CompiledValidation[];
  readonly #annotations: readonly { readonly key: string; readonly program: Program | string }[];

  constructor(policy: ValidatingAdmissionPolicy) {
    const { spec = {} } = policy;
    this.name = policy.metadata?.name ?? "";
    this.policy = policy;
    this.match = new PolicyMatch(spec.matchConstraints);
    this.ignoresFailure = spec.failurePolicy === "Ignore";
    const params = spec.paramKind !== undefined;
    const base = policyEnvironment({ params });
    const { compiled, env } = compileVariables(spec.variables, base);
    const messages = compileVariables(spec.variables, policyEnvironment({ params, authorizer: false })).env;
    this.#variables = compiled;
    this.#conditions = MatchConditions.compile(spec.matchConditions, base);
    this.#validations = (spec.validations ?? []).map((validation) => ({
      validation,
      program: compileExpression(validation.expression, env, BOOL),
      message:
        validation.messageExpression === undefined || validation.messageExpression === ""
          ? undefined
          : compileExpression(validation.messageExpression, messages, STRING),
    }));
    this.#annotations = (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      program: compileExpression(valueExpression, env, STRING, NULL),
    }));
  }

  async validate(request: RequestVariables, param: unknown): Promise<Verdict> {
    const params = this.policy.spec?.paramKind === undefined ? undefined : { value: param };
    const run = new PolicyRun(request, this.#variables, params);
    const matched = await this.#conditions.evaluate(run.activation);
    if (matched.kind === "no match") return { denials: [], annotations: [] };
    if (matched.kind === "error") return { denials: this.#failed(matched.message, undefined), annotations: [] };
    const denials: Denial[] = [];
    for (const [index, compiled] of this.#validations.entries()) {
      const result = await run.evaluate(compiled.program);
      if (run.outOfBudget) return { denials: this.#failed(OUT_OF_BUDGET, undefined), annotations: [] };
      if ("error" in result) addAll(denials, this.#failed(result.error, index));
      else if (result.value !== true) {
        const message = await this.#message(run, compiled);
        denials.push({ message, reason: compiled.validation.reason ?? "Invalid", index });
      }
    }
    return { denials, annotations: await this.#annotate(run) };
  }

  #failed(message: string, index: number | undefined): Denial[] {
    return this.ignoresFailure ? [] : [{ message, reason: "Invalid", index }];
  }

  async #message(run: PolicyRun, { validation, message }: CompiledValidation): Promise<string> {
    if (message !== undefined) {
      const result = await run.evaluate(message);
      const text = "value" in result && typeof result.value === "string" ? showable(result.value) : undefined;
      if (text !== undefined) return text;
    }
    const own = validation.message?.trim() ?? "";
    return own === "" ? `failed expression: ${validation.expression.trim()}` : own;
  }

  /** Null values and empty texts are left out; what fails is told by an annotation of its own upstream, here left out too. */
  async #annotate(run: PolicyRun): Promise<Verdict["annotations"]> {
    const annotations: { key: string; value: string }[] = [];
    for (const { key, program } of this.#annotations) {
      const result = await run.evaluate(program);
      if (!("value" in result) || typeof result.value !== "string") continue;
      const value = result.value.trim();
      if (value !== "") annotations.push({ key, value: value.slice(0, MAX_ANNOTATION_BYTES) });
    }
    return annotations;
  }
}
