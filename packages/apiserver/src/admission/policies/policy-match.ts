import type { MatchResources, NamedRuleWithOperations } from "@knots/api/admissionregistration/v1";
import { selectorFromLabelSelector } from "@knots/machinery";
import type { Selector } from "@knots/machinery";
import type { AdmissionAttributes } from "../types.ts";
import { matchNamespace, matchObject, namespaceOf } from "../webhooks/match.ts";
import { matchesRule } from "../webhooks/rules.ts";
import type { RequestVersion } from "../webhooks/versions.ts";

/** Which requests a policy, or a binding of it, is about. */
export class PolicyMatch {
  readonly #match: MatchResources;
  readonly #namespaces: Selector;
  readonly #objects: Selector;

  constructor(match: MatchResources | undefined) {
    this.#match = match ?? {};
    this.#namespaces = selectorFromLabelSelector(this.#match.namespaceSelector ?? {});
    this.#objects = selectorFromLabelSelector(this.#match.objectSelector ?? {});
  }

  /** The version in which the request is seen; undefined when it is none of ours. `versions`: the request's own first. */
  find(attributes: AdmissionAttributes, versions: readonly RequestVersion[]): RequestVersion | undefined {
    const namespace = matchNamespace(this.#namespaces, attributes);
    if (namespace === false || !matchObject(this.#objects, attributes)) return undefined;
    const { resourceRules = [], excludeResourceRules = [] } = this.#match;
    if (excludeResourceRules.length > 0 && this.#byRules(excludeResourceRules, attributes, versions) !== undefined) {
      return undefined;
    }
    const found = resourceRules.length === 0 ? versions[0] : this.#byRules(resourceRules, attributes, versions);
    if (found !== undefined && namespace instanceof Error) throw namespace;
    return found;
  }

  #byRules(
    rules: readonly NamedRuleWithOperations[],
    attributes: AdmissionAttributes,
    [requested, ...others]: readonly RequestVersion[],
  ): RequestVersion | undefined {
    const covers = (rule: NamedRuleWithOperations, version: RequestVersion | undefined): boolean =>
      version !== undefined &&
      isNamed(rule, attributes.name) &&
      matchesRule(rule, {
        ...version,
        operation: attributes.operation,
        subresource: attributes.subresource,
        namespace: namespaceOf(attributes),
      });
    if (rules.some((rule) => covers(rule, requested))) return requested;
    if (this.#match.matchPolicy === "Exact") return undefined;
    for (const rule of rules) {
      const found = others.find((version) => covers(rule, version));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function isNamed({ resourceNames = [] }: NamedRuleWithOperations, name: string): boolean {
  return resourceNames.length === 0 || resourceNames.includes(name);
}
