/**
 * Nobody grants more than they hold: who writes a role must hold its rules, who writes a binding must hold its role's,
 * unless they may `escalate` such roles or `bind` that role
 * (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping).
 */
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from "@knots/api/rbac/v1";
import { clusterRoles, roles } from "@knots/api/rbac/v1";
import { newForbidden, newNotFound } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { Rbac } from "../../auth/rbac.ts";
import type { Attributes, Authorizer } from "../../auth/types.ts";
import { deepEqual } from "../metadata.ts";
import type { ObjectSource } from "../object-source.ts";
import type { Operation } from "../operation.ts";
import type { StorageHooks } from "../resource-type.ts";
import { uncovered } from "./policy-cover.ts";
import { compactRules, quotedList, ruleText } from "./policy-text.ts";

const GROUP = "rbac.authorization.k8s.io";
const FULL_AUTHORITY: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

interface Dependencies {
  objects(): ObjectSource;
  authorizer(): Authorizer;
}

/** What a write of one of the four resources must pass; throws Forbidden. `old` is undefined on creation. */
type Check = (op: Operation, next: KubeObject, old: KubeObject | undefined) => Promise<void>;

/** Hooks by "resource.group" for the four resources of RBAC. */
export function escalationHooks(deps: Dependencies): [string, StorageHooks][] {
  const checks: Record<string, Check> = {
    roles: (op, next) => checkRole(deps, op, next as Role),
    clusterroles: (op, next, old) => checkClusterRole(deps, op, next as ClusterRole, old as ClusterRole | undefined),
    rolebindings: (op, next) => checkBinding(deps, op, "rolebindings", next as RoleBinding),
    clusterrolebindings: (op, next) => checkBinding(deps, op, "clusterrolebindings", next as ClusterRoleBinding),
  };
  return Object.entries(checks).map(([resource, check]) => [`${resource}.${GROUP}`, hooksOf(check)]);
}

function hooksOf(check: Check): StorageHooks {
  return {
    async beforeCreate(object, op) {
      if (!isExempt(op)) await check(op, object, undefined);
      return undefined;
    },
    async beforeUpdate(next, old, op) {
      if (!isExempt(op) && !changesOnlyLifetime(next, old)) await check(op, next, old);
      return undefined;
    },
  };
}

/** The server itself, and those whom no authorizer stops. */
function isExempt(op: Operation): boolean {
  return op.admission === undefined || op.user.groups.includes("system:masters");
}

/** The garbage collector may let go of what it could not have written. */
function changesOnlyLifetime(next: KubeObject, old: KubeObject): boolean {
  const { ownerReferences, finalizers, managedFields } = old.metadata ?? {};
  const kept = { ...next.metadata, ownerReferences, finalizers, managedFields };
  return deepEqual({ ...next, metadata: defined(kept) }, { ...old, metadata: defined({ ...old.metadata }) });
}

function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

async function checkRole(deps: Dependencies, op: Operation, role: Role): Promise<void> {
  const { name = "", namespace = "" } = role.metadata ?? {};
  if (await mayEscalate(deps, op, "roles", namespace)) return;
  const missing = missingRights(deps, op, namespace, role.rules);
  if (missing !== undefined) throw newForbidden({ group: GROUP, resource: "roles" }, name, missing);
}

async function checkClusterRole(
  deps: Dependencies,
  op: Operation,
  role: ClusterRole,
  old: ClusterRole | undefined,
): Promise<void> {
  if (await mayEscalate(deps, op, "clusterroles", "")) return;
  const refuse = (why: string): never => {
    throw newForbidden({ group: GROUP, resource: "clusterroles" }, role.metadata?.name ?? "", why);
  };
  const missing = missingRights(deps, op, "", role.rules);
  if (missing !== undefined) refuse(missing);
  // It may gather any rule there is or will be, and its removal ends the gathering.
  if (!isAggregated(role) && !isAggregated(old)) return;
  if (missingRights(deps, op, "", FULL_AUTHORITY) !== undefined)
    refuse("must have cluster-admin privileges to use the aggregationRule");
}

function isAggregated(role: ClusterRole | undefined): boolean {
  return (role?.aggregationRule?.clusterRoleSelectors?.length ?? 0) > 0;
}

async function checkBinding(
  deps: Dependencies,
  op: Operation,
  resource: string,
  binding: RoleBinding | ClusterRoleBinding,
): Promise<void> {
  const { name = "", namespace = "" } = binding.metadata ?? {};
  const { kind, name: role, apiGroup = "" } = binding.roleRef;
  const referenced = { Role: roles, ClusterRole: clusterRoles }[kind];
  // Validation, which comes next, refuses other kinds.
  if (referenced === undefined) return;
  const { resource: roleResource } = referenced;
  const asked = { verb: "bind", apiGroup, resource: roleResource, name: role, namespace };
  if (await allows(deps, op, asked)) return;
  const found = deps.objects().get<Role | ClusterRole>(referenced, referenced.namespaced ? namespace : undefined, role);
  if (found === undefined) throw newNotFound({ group: GROUP, resource: roleResource }, role);
  const missing = missingRights(deps, op, namespace, found.rules);
  if (missing !== undefined) throw newForbidden({ group: GROUP, resource }, name, missing);
}

function mayEscalate(deps: Dependencies, op: Operation, resource: string, namespace: string): Promise<boolean> {
  // As the request names it: a POST names no object.
  return allows(deps, op, { verb: "escalate", apiGroup: GROUP, resource, name: op.requestName ?? "", namespace });
}

async function allows(
  deps: Dependencies,
  op: Operation,
  asked: Pick<Attributes, "verb" | "apiGroup" | "resource" | "name" | "namespace">,
): Promise<boolean> {
  const decision = await deps.authorizer().authorize({
    ...asked,
    user: op.user,
    apiVersion: "*",
    subresource: "",
    resourceRequest: true,
    path: "",
  });
  return decision.allowed === "allow";
}

/** Upstream's sentence about what the user lacks of `rules`; undefined when they hold them all. */
function missingRights(
  deps: Dependencies,
  { user }: Operation,
  namespace: string,
  rules: readonly PolicyRule[] = [],
): string | undefined {
  const held = [...new Rbac(deps.objects()).rulesFor(user, namespace)].flatMap((role) => role.rules);
  const missing = uncovered(held, rules);
  if (missing.length === 0) return undefined;
  const texts = [...new Set(compactRules(missing).map(ruleText))].toSorted();
  return `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${texts.join("\n")}`;
}
