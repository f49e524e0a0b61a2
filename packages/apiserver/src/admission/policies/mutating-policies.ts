import { mutatingAdmissionPolicies, mutatingAdmissionPolicyBindings } from "@knots/api/admissionregistration/v1";
import type { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding } from "@knots/api/admissionregistration/v1";
import type { KubeObject } from "@knots/machinery";
import { deepEqual } from "../../registry/metadata.ts";
import { forbidden } from "../refuse.ts";
import { REINVOKE } from "../types.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { isExemptFromPolicies } from "../webhooks/match.ts";
import { fromVersion, toVersion, versionsOf } from "../webhooks/versions.ts";
import type { RequestVersion } from "../webhooks/versions.ts";
import { CompiledMutatingPolicy, compileMutatingBinding } from "./mutating-policy.ts";
import type { CompiledMutatingBinding } from "./mutating-policy.ts";
import { findParams } from "./params.ts";
import { PolicySet } from "./policy-set.ts";
import { RequestVariables } from "./request-variables.ts";
import type { PolicyDependencies } from "./validating-policies.ts";

/** What is remembered of a request between its two rounds. */
interface Rounds {
  asked: Set<string>;
  readonly again: Set<string>;
  output: KubeObject | undefined;
}

/** MutatingAdmissionPolicy: expressions that say what to change. */
export class MutatingPolicies implements AdmissionPlugin {
  readonly name = "MutatingAdmissionPolicy";
  readonly #deps: PolicyDependencies;
  readonly #rounds = new WeakMap<AdmissionAttributes, Rounds>();
  readonly #set: PolicySet<
    MutatingAdmissionPolicy,
    MutatingAdmissionPolicyBinding,
    CompiledMutatingPolicy,
    CompiledMutatingBinding
  >;

  constructor(deps: PolicyDependencies) {
    this.#deps = deps;
    this.#set = new PolicySet(
      deps.registry(),
      { policies: mutatingAdmissionPolicies, bindings: mutatingAdmissionPolicyBindings },
      { policy: (policy) => new CompiledMutatingPolicy(policy), binding: compileMutatingBinding },
    );
  }

  handles(attributes: AdmissionAttributes): boolean {
    const { operation } = attributes;
    return (
      (operation === "CREATE" || operation === "UPDATE") &&
      this.#set.current.length > 0 &&
      !isExemptFromPolicies(attributes)
    );
  }

  async mutate(attributes: AdmissionAttributes): Promise<void | typeof REINVOKE> {
    const rounds = this.#roundsOf(attributes);
    if (attributes.reinvocation && !deepEqual(rounds.output, attributes.object)) requireAgain(rounds);
    const versions = versionsOf(this.#deps.registry(), attributes);
    let changed = false;
    for (const { policy, bindings } of this.#set.current) {
      let binding: string | undefined;
      try {
        const matched = policy.match.find(attributes, versions);
        if (matched === undefined) continue;
        for (const bound of bindings) {
          binding = bound.name;
          if (bound.match.find(attributes, versions) === undefined) continue;
          if (await this.#apply(policy, bound, attributes, matched, rounds)) changed = true;
        }
      } catch (error) {
        if (!policy.ignoresFailure) throw refusal(attributes, policy.name, binding, error);
      }
    }
    rounds.output = structuredClone(attributes.object);
    return changed && !attributes.reinvocation ? REINVOKE : undefined;
  }

  async #apply(
    policy: CompiledMutatingPolicy,
    bound: CompiledMutatingBinding,
    attributes: AdmissionAttributes,
    matched: RequestVersion,
    rounds: Rounds,
  ): Promise<boolean> {
    const { spec } = policy.policy;
    const ref = bound.binding.spec?.paramRef;
    const params = await findParams(this.#deps.registry(), spec?.paramKind, ref, attributes.namespace);
    const oldObject = await toVersion(matched, attributes.oldObject);
    const authorizer = this.#deps.authorizer();
    let changed = false;
    for (const [index, param] of params.entries()) {
      const key = `${policy.uid}/${bound.name}/${param?.metadata?.uid ?? index}`;
      if (attributes.reinvocation && !rounds.again.has(key)) continue;
      const before = await toVersion(matched, attributes.object);
      if (before === undefined) return changed;
      const after = await policy.mutate(matched, before, param, (object) =>
        Promise.resolve(new RequestVariables(attributes, authorizer, { matchedAs: matched, object, oldObject })),
      );
      if (after === undefined) continue;
      if (!deepEqual(before, after)) {
        attributes.object = await fromVersion(matched, after);
        changed = true;
        requireAgain(rounds);
      }
      if (policy.reinvocable) rounds.asked.add(key);
    }
    return changed;
  }

  #roundsOf(attributes: AdmissionAttributes): Rounds {
    let rounds = this.#rounds.get(attributes);
    if (rounds === undefined) {
      rounds = { asked: new Set(), again: new Set(), output: undefined };
      this.#rounds.set(attributes, rounds);
    }
    return rounds;
  }
}

/** Whatever was asked before this change may have something to say about it. */
function requireAgain(rounds: Rounds): void {
  for (const key of rounds.asked) rounds.again.add(key);
  rounds.asked = new Set();
}

function refusal(attributes: AdmissionAttributes, policy: string, binding: string | undefined, cause: unknown): Error {
  const where = binding === undefined ? "" : ` with binding '${binding}'`;
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `policy '${policy}'${where} denied request: ${why}`;
  const error = forbidden(attributes, message);
  error.status.reason = "Invalid";
  error.status.code = 422;
  error.status.details = { ...error.status.details, causes: [{ message }] };
  return error;
}
