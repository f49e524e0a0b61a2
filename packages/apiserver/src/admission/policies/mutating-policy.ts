import type { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding } from "@knots/api/admissionregistration/v1";
import { jsonPatch } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { merge } from "@knots/machinery/managed-fields/merge";
import { CelList, CelMap, toJson, types } from "@knots/cel";
import type { CelType, Program } from "@knots/cel";
import { JSON_PATCH } from "@knots/cel/library/json-patches";
import { shapeMutated } from "../webhooks/versions.ts";
import type { RequestVersion } from "../webhooks/versions.ts";
import { compileExpression } from "./compile.ts";
import { policyEnvironment } from "./environment.ts";
import { OUT_OF_BUDGET, PolicyRun } from "./evaluate.ts";
import { MatchConditions } from "./match-conditions.ts";
import { PolicyMatch } from "./policy-match.ts";
import { compileVariables } from "./policy-variables.ts";
import type { CompiledVariable } from "./policy-variables.ts";
import type { RequestVariables } from "./request-variables.ts";

/** What `applyConfiguration` must make. */
export const OBJECT: CelType = types.struct("Object", { field: () => ({ type: types.DYN }) });
export const PATCHES: CelType = types.listOf(JSON_PATCH);

type Mutation = { readonly kind: "apply" | "patch"; readonly program: Program | string };

export interface CompiledMutatingBinding {
  readonly name: string;
  readonly binding: MutatingAdmissionPolicyBinding;
  readonly match: PolicyMatch;
}

export function compileMutatingBinding(binding: MutatingAdmissionPolicyBinding): CompiledMutatingBinding {
  return { name: binding.metadata?.name ?? "", binding, match: new PolicyMatch(binding.spec?.matchResources) };
}

/** A MutatingAdmissionPolicy with its expressions compiled. */
export class CompiledMutatingPolicy {
  readonly name: string;
  readonly uid: string;
  readonly policy: MutatingAdmissionPolicy;
  readonly match: PolicyMatch;
  readonly ignoresFailure: boolean;
  readonly reinvocable: boolean;
  readonly #conditions: MatchConditions;
  readonly #variables: readonly CompiledVariable[];
  readonly #mutations: readonly Mutation[];

  constructor(policy: MutatingAdmissionPolicy) {
    const { spec = {} } = policy;
    this.name = policy.metadata?.name ?? "";
    this.uid = policy.metadata?.uid ?? "";
    this.policy = policy;
    this.match = new PolicyMatch(spec.matchConstraints);
    this.ignoresFailure = spec.failurePolicy === "Ignore";
    this.reinvocable = spec.reinvocationPolicy === "IfNeeded";
    const base = policyEnvironment({ params: spec.paramKind !== undefined, mutates: true });
    const { compiled, env } = compileVariables(spec.variables, base);
    this.#variables = compiled;
    this.#conditions = MatchConditions.compile(spec.matchConditions, base);
    this.#mutations = (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch: patch }) =>
      patchType === "JSONPatch"
        ? { kind: "patch", program: compileExpression(patch?.expression ?? "", env, PATCHES) }
        : { kind: "apply", program: compileExpression(applyConfiguration?.expression ?? "", env, OBJECT) },
    );
  }

  /** The object after all mutations; undefined when the conditions do not match. Throws an Error for the failure policy. */
  async mutate(
    version: RequestVersion,
    object: KubeObject,
    param: unknown,
    variablesOf: (object: KubeObject) => Promise<RequestVariables>,
  ): Promise<KubeObject | undefined> {
    const params = this.policy.spec?.paramKind === undefined ? undefined : { value: param };
    let current = object;
    for (const [index, mutation] of this.#mutations.entries()) {
      // Each mutation sees what the one before it made.
      const run = new PolicyRun(await variablesOf(current), this.#variables, params);
      if (index === 0) {
        const matched = await this.#conditions.evaluate(run.activation);
        if (matched.kind === "no match") return undefined;
        if (matched.kind === "error") throw new Error(matched.message);
      }
      current = shapeMutated(version, await apply(run, mutation, version, current));
    }
    return current;
  }
}

async function apply(
  run: PolicyRun,
  { kind, program }: Mutation,
  version: RequestVersion,
  object: KubeObject,
): Promise<KubeObject> {
  const result = await run.evaluate(program);
  if (run.outOfBudget) throw new Error(OUT_OF_BUDGET);
  if ("error" in result) throw new Error(result.error);
  const { value } = result;
  if (kind === "patch") {
    if (!(value instanceof CelList)) throw new Error("unexpected evaluation result type of a JSONPatch expression");
    return jsonPatch(
      object,
      Array.from(value, (each) => operationOf(toJson(each))),
    );
  }
  if (!(value instanceof CelMap))
    throw new Error("unexpected evaluation result type of an ApplyConfiguration expression");
  return merge(structuredClone(object), toJson(value), {
    untyped: version.served?.custom === true ? "deduced" : "atomic",
    schema: version.served?.schema,
  }) as KubeObject;
}

/** Operations that need a value have one: null when nothing was said. */
function operationOf(json: unknown): object {
  const operation = json as { op?: string; value?: unknown };
  const needsValue = operation.op === "add" || operation.op === "replace" || operation.op === "test";
  return needsValue && operation.value === undefined ? { ...operation, value: null } : operation;
}
