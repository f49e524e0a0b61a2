// RBAC: does any role that is bound to the user hold a rule for this? Decided in memory, on current objects.
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from "@knots/api/rbac/v1";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "@knots/api/rbac/v1";
import type { ObjectSource } from "../registry/object-source.ts";
import type { Attributes, Decision, UserInfo } from "./types.ts";

type Subjects = ClusterRoleBinding["subjects"];

function isSubject(user: UserInfo, subjects: Subjects, bindingNamespace: string): boolean {
  return (subjects ?? []).some((subject) => {
    switch (subject.kind) {
      case "User":
        return subject.name === user.name;
      case "Group":
        return user.groups.includes(subject.name);
      case "ServiceAccount": {
        const namespace = subject.namespace ?? bindingNamespace;
        return user.name === `system:serviceaccount:${namespace}:${subject.name}`;
      }
      default:
        return false;
    }
  });
}

const covers = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes("*") || list.includes(value));

/** Whether one rule allows the request (rbac/v1 PolicyRule). */
export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!covers(rule.verbs, attributes.verb)) return false;
  if (!attributes.resourceRequest) {
    return (rule.nonResourceURLs ?? []).some(
      (url) =>
        url === "*" || url === attributes.path || (url.endsWith("*") && attributes.path.startsWith(url.slice(0, -1))),
    );
  }
  if (!covers(rule.apiGroups, attributes.apiGroup)) return false;
  const { resource, subresource } = attributes;
  const combined = subresource === "" ? resource : `${resource}/${subresource}`;
  const named = (rule.resources ?? []).some(
    (each) => each === "*" || each === combined || (subresource !== "" && each === `*/${subresource}`),
  );
  if (!named) return false;
  return (
    rule.resourceNames === undefined || rule.resourceNames.length === 0 || rule.resourceNames.includes(attributes.name)
  );
}

export class Rbac {
  readonly #objects: ObjectSource;

  constructor(objects: ObjectSource) {
    this.#objects = objects;
  }

  authorize(attributes: Attributes): Decision {
    for (const { rules } of this.rulesFor(attributes.user, attributes.namespace)) {
      if (rules.some((rule) => ruleAllows(rule, attributes))) return { allowed: "allow", reason: "" };
    }
    return { allowed: "no-opinion", reason: "" };
  }

  /** The rules of every role bound to the user: cluster-wide ones and, with a namespace, that namespace's. */
  *rulesFor(user: UserInfo, namespace: string): Generator<{ rules: readonly PolicyRule[] }> {
    for (const binding of this.#objects.list<ClusterRoleBinding>(clusterRoleBindings)) {
      if (!isSubject(user, binding.subjects, "")) continue;
      const role = this.#objects.get<ClusterRole>(clusterRoles, undefined, binding.roleRef.name);
      if (role?.rules !== undefined) yield { rules: role.rules };
    }
    if (namespace === "") return;
    for (const binding of this.#objects.list<RoleBinding>(roleBindings, namespace)) {
      if (!isSubject(user, binding.subjects, namespace)) continue;
      const role =
        binding.roleRef.kind === "ClusterRole"
          ? this.#objects.get<ClusterRole>(clusterRoles, undefined, binding.roleRef.name)
          : this.#objects.get<Role>(roles, namespace, binding.roleRef.name);
      if (role?.rules !== undefined) yield { rules: role.rules };
    }
  }
}
