import { namespaces } from "@knots/api/core/v1";
import type { Authorizer } from "../../auth/types.ts";
import { fromJson } from "@knots/cel";
import type { Activation, Value } from "@knots/cel";
import { AuthorizationContext, AuthorizerValue } from "./authorization.ts";
import type { AdmissionAttributes } from "../types.ts";
import { NAMESPACE } from "./environment.ts";

/** How a rule saw the request, where it was converted to match (matchPolicy Equivalent). */
export interface MatchedAs {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
}

type Factory = () => Value;

/** What a request is to expressions. Made when first mentioned, once for all expressions of a policy. */
export class RequestVariables implements Activation {
  readonly #made = new Map<string, Value>();
  readonly #factories: ReadonlyMap<string, Factory>;

  constructor(
    attributes: AdmissionAttributes,
    authorizer: Authorizer,
    options: { matchedAs?: MatchedAs; object?: unknown; oldObject?: unknown } = {},
  ) {
    const matchedAs = options.matchedAs ?? attributes;
    const user = (): AuthorizerValue => new AuthorizerValue(new AuthorizationContext(authorizer), attributes.user);
    const checker = memo(user);
    this.#factories = new Map<string, Factory>([
      ["object", () => fromJson(options.object ?? attributes.object ?? null)],
      ["oldObject", () => fromJson(options.oldObject ?? attributes.oldObject ?? null)],
      ["request", () => fromJson(requestOf(attributes, matchedAs))],
      ["authorizer", checker],
      [
        "authorizer.requestResource",
        () =>
          checker().resourceCheck({
            group: attributes.group,
            resource: attributes.resource,
            subresource: attributes.subresource,
            namespace: attributes.namespace,
            name: attributes.name,
          }),
      ],
      ["namespaceObject", () => namespaceOf(attributes)],
    ]);
  }

  get(name: string): Value | undefined {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const value = this.#factories.get(name)?.();
    if (value !== undefined) this.#made.set(name, value);
    return value;
  }
}

function memo<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

function requestOf(attributes: AdmissionAttributes, matchedAs: MatchedAs): Record<string, unknown> {
  const { group, version, resource, subresource, kind, user, options } = attributes;
  return {
    kind: { ...matchedAs.kind },
    resource: { group: matchedAs.group, version: matchedAs.version, resource: matchedAs.resource },
    subResource: subresource,
    requestKind: { ...kind },
    requestResource: { group, version, resource },
    requestSubResource: subresource,
    name: attributes.name,
    namespace: attributes.namespace,
    operation: attributes.operation,
    userInfo: {
      username: user.name,
      uid: user.uid ?? "",
      groups: user.groups,
      extra: user.extra ?? {},
    },
    dryRun: attributes.dryRun,
    options,
  };
}

/** Null for cluster-scoped resources, Namespaces themselves included. */
function namespaceOf({ objects, namespace, resource, group }: AdmissionAttributes): Value {
  if (namespace === "" || (group === "" && resource === "namespaces")) return null;
  return NAMESPACE.read(objects.get(namespaces, undefined, namespace));
}
