import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "@knots/api/rbac/v1";
import type { ResourceType } from "@knots/machinery";
import type { ObjectSource } from "../registry/object-source.ts";
import { Rbac } from "./rbac.ts";
import type { Attributes, Decision, UserInfo } from "./types.ts";

/** What is remembered of one user; one who asks about ever new namespaces or paths must not fill the memory. */
const MAX_PER_USER = 2_000;

const ALLOW: Decision = { allowed: "allow", reason: "" };

/**
 * RBAC that remembers what it allowed, until any role or binding changes. What holds for every name of a resource is
 * remembered once for all; what does not is decided anew. Users are told apart by identity, so who authenticates them
 * should give the same object for the same credentials.
 */
export class RbacAuthorizer {
  readonly #rbac: Rbac;
  #allowed = new WeakMap<UserInfo, Map<string, boolean>>();

  constructor(objects: ObjectSource) {
    this.#rbac = new Rbac(objects);
    const rules: ResourceType[] = [clusterRoles, clusterRoleBindings, roles, roleBindings];
    for (const type of rules) {
      objects.subscribe(type, () => (this.#allowed = new WeakMap()));
    }
  }

  authorize(attributes: Attributes): Decision {
    return this.#allowsAnyName(attributes) ? ALLOW : this.#rbac.authorize(attributes);
  }

  #allowsAnyName(attributes: Attributes): boolean {
    let known = this.#allowed.get(attributes.user);
    if (known === undefined) {
      known = new Map();
      this.#allowed.set(attributes.user, known);
    }
    const key = keyOf(attributes);
    let allowed = known.get(key);
    if (allowed === undefined) {
      // No resourceNames of a rule hold "", so what is allowed now is allowed for all.
      allowed = this.#rbac.authorize({ ...attributes, name: "" }).allowed === "allow";
      if (known.size >= MAX_PER_USER) known.clear();
      known.set(key, allowed);
    }
    return allowed;
  }
}

/** Everything but the name that a rule can look at. */
function keyOf({ verb, resourceRequest, path, namespace, apiGroup, resource, subresource }: Attributes): string {
  return resourceRequest ? `${verb} ${apiGroup}/${resource}/${subresource} ${namespace}` : `${verb} ${path}`;
}
