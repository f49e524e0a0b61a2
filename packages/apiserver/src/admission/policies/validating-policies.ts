import { validatingAdmissionPolicies, validatingAdmissionPolicyBindings } from "@knots/api/admissionregistration/v1";
import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from "@knots/api/admissionregistration/v1";
import { tableOf } from "@knots/machinery";
import type { StatusError } from "@knots/machinery";
import type { Authorizer } from "../../auth/types.ts";
import type { Registry } from "../../registry/registry.ts";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { isExemptFromPolicies } from "../webhooks/match.ts";
import { toVersion, versionsOf } from "../webhooks/versions.ts";
import type { RequestVersion } from "../webhooks/versions.ts";
import { findParams } from "./params.ts";
import { PolicySet } from "./policy-set.ts";
import { RequestVariables } from "./request-variables.ts";
import { CompiledValidatingPolicy, compileBinding } from "./validating-policy.ts";
import type { CompiledBinding, Denial } from "./validating-policy.ts";

const FAILURE_ANNOTATION = "validation.policy.admission.k8s.io/validation_failure";
const CODES: Readonly<Record<string, number>> = tableOf({
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
  Invalid: 422,
});

/** What policies are made with; both are there when the server has started. */
export interface PolicyDependencies {
  registry(): Registry;
  authorizer(): Authorizer;
}

interface Refusal {
  readonly policy: string;
  readonly binding: string | undefined;
  readonly denial: Denial;
}

/** What a request gathers on its way through all policies. */
interface Findings {
  readonly refusals: Refusal[];
  readonly failures: Record<string, unknown>[];
  readonly annotations: Map<string, Set<string>>;
}

/** ValidatingAdmissionPolicy: expressions that must hold; what a binding does about those that do not is its own choice. */
export class ValidatingPolicies implements AdmissionPlugin {
  readonly name = "ValidatingAdmissionPolicy";
  readonly #deps: PolicyDependencies;
  readonly #set: PolicySet<
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    CompiledValidatingPolicy,
    CompiledBinding
  >;

  constructor(deps: PolicyDependencies) {
    this.#deps = deps;
    this.#set = new PolicySet(
      deps.registry(),
      { policies: validatingAdmissionPolicies, bindings: validatingAdmissionPolicyBindings },
      { policy: (policy) => new CompiledValidatingPolicy(policy), binding: compileBinding },
    );
  }

  handles(attributes: AdmissionAttributes): boolean {
    return this.#set.current.length > 0 && !isExemptFromPolicies(attributes);
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const versions = versionsOf(this.#deps.registry(), attributes);
    const findings: Findings = { refusals: [], failures: [], annotations: new Map() };
    for (const { policy, bindings } of this.#set.current) {
      await this.#ask(policy, bindings, attributes, versions, findings);
    }
    for (const [key, values] of findings.annotations) attributes.annotate?.(key, [...values].join(", "));
    if (findings.failures.length > 0) attributes.annotate?.(FAILURE_ANNOTATION, JSON.stringify(findings.failures));
    const [first] = findings.refusals;
    if (first !== undefined) throw refusalOf(attributes, first);
  }

  async #ask(
    policy: CompiledValidatingPolicy,
    bindings: readonly CompiledBinding[],
    attributes: AdmissionAttributes,
    versions: readonly RequestVersion[],
    findings: Findings,
  ): Promise<void> {
    const misconfigured = (what: string, error: unknown, binding: string | undefined): void => {
      if (policy.ignoresFailure) return;
      const message = `failed to configure ${what}: ${error instanceof Error ? error.message : String(error)}`;
      findings.refusals.push({
        policy: policy.name,
        binding,
        denial: { message, reason: "Invalid", index: undefined },
      });
    };
    let matched: RequestVersion | undefined;
    try {
      matched = policy.match.find(attributes, versions);
    } catch (error) {
      misconfigured("policy", error, undefined);
    }
    if (matched === undefined) return;
    let request: RequestVariables | undefined;
    for (const binding of bindings) {
      try {
        if (binding.match.find(attributes, versions) === undefined) continue;
        const { paramKind } = policy.policy.spec ?? {};
        const ref = binding.binding.spec.paramRef;
        const params = await findParams(this.#deps.registry(), paramKind, ref, attributes.namespace);
        request ??= await requestVariables(attributes, matched, this.#deps.authorizer());
        for (const param of params) {
          const { denials, annotations } = await policy.validate(request, param);
          for (const { key, value } of annotations) addTo(findings.annotations, `${policy.name}/${key}`, value);
          for (const denial of denials) act(policy.name, binding, denial, attributes, findings);
        }
      } catch (error) {
        misconfigured("binding", error, binding.name);
      }
    }
  }
}

/** The request as a policy sees it, its objects in the version that the policy matched. */
export async function requestVariables(
  attributes: AdmissionAttributes,
  matched: RequestVersion,
  authorizer: Authorizer,
): Promise<RequestVariables> {
  return new RequestVariables(attributes, authorizer, {
    matchedAs: matched,
    object: await toVersion(matched, attributes.object),
    oldObject: await toVersion(matched, attributes.oldObject),
  });
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key) ?? new Set();
  values.add(value);
  map.set(key, values);
}

function act(
  policy: string,
  binding: CompiledBinding,
  denial: Denial,
  attributes: AdmissionAttributes,
  findings: Findings,
): void {
  for (const action of binding.actions) {
    if (action === "Deny") findings.refusals.push({ policy, binding: binding.name, denial });
    else if (action === "Warn") {
      const where = `ValidatingAdmissionPolicy '${policy}' with binding '${binding.name}'`;
      attributes.warn(`Validation failed for ${where}: ${denial.message}`);
    } else if (action === "Audit") {
      findings.failures.push({
        message: denial.message,
        policy,
        binding: binding.name,
        expressionIndex: denial.index ?? 0,
        validationActions: binding.actions,
      });
    }
  }
}

/** Forbidden in words, but with the reason and code that the policy gives. */
function refusalOf(attributes: AdmissionAttributes, { policy, binding, denial }: Refusal): StatusError {
  const where = binding === undefined ? "" : ` with binding '${binding}'`;
  const message = `ValidatingAdmissionPolicy '${policy}'${where} denied request: ${denial.message}`;
  const error = forbidden(attributes, message);
  error.status.reason = denial.reason;
  error.status.code = CODES[denial.reason] ?? 422;
  error.status.details = { ...error.status.details, causes: [{ message }] };
  return error;
}
