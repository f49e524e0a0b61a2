// The default roles and bindings at every start: made where they are missing, and given what they lack where they may be.
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Subject } from "@knots/api/rbac/v1";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "@knots/api/rbac/v1";
import type { KubeObject, ResourceType } from "@knots/machinery";
import type { Registry } from "../registry/registry.ts";
import type { Ensure } from "./index.ts";
import { NAMESPACED_ROLES } from "./namespaced-roles.ts";
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES } from "./policy.ts";
import { expand } from "./rule.ts";

/** "false" on an object: whoever set it does not want it touched (documented with RBAC's auto-reconciliation). */
export const AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate";
const META = { labels: { "kubernetes.io/bootstrapping": "rbac-defaults" }, annotations: { [AUTOUPDATE]: "true" } };
const RBAC_GROUP = "rbac.authorization.k8s.io";

type PolicyObject = KubeObject & Pick<ClusterRole, "rules" | "aggregationRule"> & Pick<ClusterRoleBinding, "subjects">;

export async function reconcilePolicy(registry: Registry, ensure: Ensure): Promise<void> {
  await Promise.all(
    [...policyObjects()].map(async ([type, object]) => {
      const { name = "", namespace = "" } = object.metadata ?? {};
      const current = registry.get(type, type.namespaced ? namespace : undefined, name) as PolicyObject | undefined;
      if (current === undefined) {
        await ensure(type, namespace, object);
        return;
      }
      const next = completed(current, object);
      if (next === undefined) return;
      const transform = (now: KubeObject | undefined): KubeObject => completed(now as PolicyObject, object) ?? next;
      await registry.storageFor(type).update(registry.system(), { namespace, name, transform });
    }),
  );
}

/** `current` with the labels, rules and subjects of `wanted` that it lacks; undefined where it lacks none, or is not to be touched. Nothing is taken away. Pure. */
export function completed(current: PolicyObject, wanted: PolicyObject): PolicyObject | undefined {
  if (current.metadata?.annotations?.[AUTOUPDATE] !== "true") return undefined;
  const labels = { ...wanted.metadata?.labels, ...current.metadata.labels };
  const lacksLabels = Object.keys(labels).length > Object.keys(current.metadata.labels ?? {}).length;
  // Whoever aggregates has its rules written by the aggregation controller.
  const rules = wanted.aggregationRule === undefined ? missing(current.rules, wanted.rules) : [];
  const subjects = missing(current.subjects, wanted.subjects);
  if (!lacksLabels && rules.length === 0 && subjects.length === 0) return undefined;
  return {
    ...current,
    metadata: { ...current.metadata, labels },
    ...(rules.length === 0 ? {} : { rules: [...(current.rules ?? []), ...rules] }),
    ...(subjects.length === 0 ? {} : { subjects: [...(current.subjects ?? []), ...subjects] }),
  };
}

function missing<T extends PolicyRule | Subject>(have: readonly T[] = [], want: readonly T[] = []): T[] {
  const text = (value: T): string => JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const known = new Set(have.map(text));
  return want.filter((each) => !known.has(text(each)));
}

function* policyObjects(): Generator<[ResourceType, PolicyObject]> {
  for (const [name, { rules, labels, aggregate }] of Object.entries(CLUSTER_ROLES)) {
    const role: PolicyObject = {
      metadata: { name, ...META, labels: { ...META.labels, ...labels } },
      rules: rules.map(expand),
      ...(aggregate === undefined
        ? {}
        : {
            aggregationRule: {
              clusterRoleSelectors: [
                { matchLabels: { [`rbac.authorization.k8s.io/aggregate-to-${aggregate}`]: "true" } },
              ],
            },
          }),
    };
    yield [clusterRoles, role];
  }
  for (const [name, { role, subjects }] of Object.entries(CLUSTER_ROLE_BINDINGS))
    yield [clusterRoleBindings, binding({ name }, "ClusterRole", role, subjects)];
  for (const { namespace, name, rules, binding: bound = name, subjects } of NAMESPACED_ROLES) {
    yield [roles, { metadata: { name, namespace, ...META }, rules: rules.map(expand) }];
    yield [roleBindings, binding({ name: bound, namespace }, "Role", name, subjects)];
  }
}

function binding(
  where: { name: string; namespace?: string },
  kind: "ClusterRole" | "Role",
  role: string,
  subjects: readonly string[],
): PolicyObject {
  const object = {
    metadata: { ...where, ...META },
    roleRef: { apiGroup: RBAC_GROUP, kind, name: role },
    subjects: subjects.map(subject),
  };
  return object;
}

function subject(text: string): Subject {
  const [kind, name] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  if (kind === "sa") {
    const [namespace = "", account = ""] = name.split("/");
    return { kind: "ServiceAccount", name: account, namespace };
  }
  return { apiGroup: RBAC_GROUP, kind: kind === "user" ? "User" : "Group", name };
}
