// The Node authorizer: a kubelet may read what the pods bound to its node refer to, and nothing of other nodes' (upstream's graph, asked of the pods directly).
import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import type { ObjectSource } from "../registry/object-source.ts";
import { ruleAllows } from "./rbac.ts";
import type { Attributes, Decision, UserInfo } from "./types.ts";

const PREFIX = "system:node:";

export function nodeNameOf(user: UserInfo): string | undefined {
  return user.name.startsWith(PREFIX) && user.groups.includes("system:nodes")
    ? user.name.slice(PREFIX.length)
    : undefined;
}

const rule = (apiGroups: string[], resources: string[], verbs: string[]): Parameters<typeof ruleAllows>[0] => ({
  apiGroups,
  resources,
  verbs,
});

/** What every node may do, whatever runs on it (upstream's NodeRules). What it may write is narrowed by the NodeRestriction admission. */
const RULES = [
  rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
  rule(["authorization.k8s.io"], ["subjectaccessreviews", "localsubjectaccessreviews"], ["create"]),
  rule([""], ["services"], ["get", "list", "watch"]),
  rule([""], ["nodes"], ["create"]),
  rule([""], ["nodes", "nodes/status"], ["update", "patch"]),
  rule([""], ["events"], ["create", "update", "patch"]),
  rule([""], ["pods"], ["create", "delete"]),
  rule([""], ["pods/status"], ["update", "patch"]),
  rule([""], ["pods/eviction"], ["create"]),
  rule([""], ["persistentvolumeclaims", "persistentvolumes"], ["get"]),
  rule([""], ["endpoints"], ["get"]),
  rule(["certificates.k8s.io"], ["certificatesigningrequests"], ["create", "get", "list", "watch"]),
  rule(["coordination.k8s.io"], ["leases"], ["get", "create", "update", "patch", "delete"]),
  rule(["storage.k8s.io"], ["volumeattachments"], ["get"]),
  rule(["storage.k8s.io"], ["csidrivers"], ["get", "list", "watch"]),
  rule(["storage.k8s.io"], ["csinodes"], ["get", "create", "update", "patch", "delete"]),
  rule(["node.k8s.io"], ["runtimeclasses"], ["get", "list", "watch"]),
];

const deny = (reason: string): Decision => ({ allowed: "no-opinion", reason });
const ALLOW: Decision = { allowed: "allow", reason: "" };

export class NodeAuthorizer {
  readonly #objects: ObjectSource;

  constructor(objects: ObjectSource) {
    this.#objects = objects;
  }

  authorize(attributes: Attributes): Decision {
    const node = nodeNameOf(attributes.user);
    if (node === undefined) return deny("");
    if (attributes.resourceRequest && attributes.apiGroup === "") {
      if (attributes.resource === "secrets" || attributes.resource === "configmaps")
        return this.#referenced(node, attributes);
      if (attributes.resource === "serviceaccounts") return this.#token(node, attributes);
      if (isRead(attributes) && attributes.subresource === "") {
        if (attributes.resource === "nodes") return readNode(node, attributes);
        if (attributes.resource === "pods") return this.#readPods(node, attributes);
      }
    }
    const narrowed = attributes.resourceRequest ? ownOnly(node, attributes) : undefined;
    if (narrowed !== undefined) return narrowed;
    return RULES.some((each) => ruleAllows(each, attributes)) ? ALLOW : deny("");
  }

  #podsOf(node: string, namespace: string): Pod[] {
    return this.#objects.list<Pod>(pods, namespace).filter((pod) => pod.spec?.nodeName === node);
  }

  #referenced(node: string, attributes: Attributes): Decision {
    if (!isRead(attributes)) return deny("can only read resources of this type");
    if (attributes.name === "") return deny("No Object name found");
    const uses = attributes.resource === "secrets" ? usesSecret : usesConfigMap;
    const found = this.#podsOf(node, attributes.namespace).some((pod) => uses(pod, attributes.name));
    return found ? ALLOW : deny(`no relationship found between node '${node}' and this object`);
  }

  /** One pod that is on the node, or many where it is said that only the node's are meant (KEP-4601). */
  #readPods(node: string, attributes: Attributes): Decision {
    if (attributes.name !== "" && attributes.verb === "get") {
      const found = this.#objects.get<Pod>(pods, attributes.namespace, attributes.name);
      return found?.spec?.nodeName === node
        ? ALLOW
        : deny(`no relationship found between node '${node}' and this object`);
    }
    const scoped = (attributes.fieldSelector?.requirements ?? []).some(
      ({ field, operator, value }) => field === "spec.nodeName" && operator === "=" && value === node,
    );
    return scoped ? ALLOW : deny("can only list/watch pods with spec.nodeName field selector");
  }

  #token(node: string, attributes: Attributes): Decision {
    if (attributes.verb === "get" && attributes.subresource === "") return ALLOW;
    if (attributes.subresource !== "token" || attributes.verb !== "create")
      return deny("can only create tokens for individual service accounts");
    const found = this.#podsOf(node, attributes.namespace).some(
      (pod) => (pod.spec?.serviceAccountName ?? "default") === attributes.name,
    );
    return found ? ALLOW : deny(`no relationship found between node '${node}' and this object`);
  }
}

function isRead({ verb }: Attributes): boolean {
  return verb === "get" || verb === "list" || verb === "watch";
}

/** By its name alone, so that a kubelet can ask before its Node exists. */
function readNode(node: string, { name }: Attributes): Decision {
  if (name === node) return ALLOW;
  const what = name === "" ? "all nodes" : JSON.stringify(name);
  return deny(`node ${JSON.stringify(node)} cannot read ${what}, only its own Node object`);
}

/** Resources of which a node has one object, under its own name; as messages call them. */
const OWN_NAMED: Readonly<Record<string, string>> = {
  "coordination.k8s.io/leases": "node lease",
  "storage.k8s.io/csinodes": "CSINode",
};

/** Why a node may not touch such an object: it has one of its own; undefined where that is not the matter. */
function ownOnly(node: string, { apiGroup, resource, verb, namespace, name }: Attributes): Decision | undefined {
  const what = OWN_NAMED[`${apiGroup}/${resource}`];
  if (what === undefined) return undefined;
  if (resource === "leases" && namespace !== "kube-node-lease")
    return deny('can only access leases in the "kube-node-lease" system namespace');
  if (verb === "create" || name === node) return undefined;
  return deny(`can only access ${what} with the same name as the requesting node`);
}

/** Every "key: name" pair of a pod's spec where key is one of `keys`; a reference is an object below such a key with a name. */
function refers(value: unknown, isReference: (key: string, object: Record<string, unknown>) => boolean): boolean {
  if (Array.isArray(value)) return value.some((each) => refers(each, isReference));
  if (value === null || typeof value !== "object") return false;
  return Object.entries(value).some(([key, each]) => {
    const list = Array.isArray(each) ? each : [each];
    if (
      list.some(
        (item) => item !== null && typeof item === "object" && isReference(key, item as Record<string, unknown>),
      )
    )
      return true;
    return refers(each, isReference);
  });
}

const SECRET_KEYS = new Set(["secret", "secretRef", "secretKeyRef", "imagePullSecrets", "nodePublishSecretRef"]);
const CONFIG_MAP_KEYS = new Set(["configMap", "configMapRef", "configMapKeyRef"]);

function usesSecret(pod: Pod, name: string): boolean {
  return refers(
    pod.spec,
    (key, object) => SECRET_KEYS.has(key) && (object["name"] === name || object["secretName"] === name),
  );
}

function usesConfigMap(pod: Pod, name: string): boolean {
  return refers(pod.spec, (key, object) => CONFIG_MAP_KEYS.has(key) && object["name"] === name);
}
