// The Node authorizer: a kubelet may read what the pods bound to its node refer to, and nothing of other nodes'.
import type { ObjectSource } from "../registry/object-source.ts";
import { NodeReferences } from "./node-references.ts";
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
  rule([""], ["events"], ["create", "update", "patch"]),
  rule([""], ["endpoints"], ["get"]),
  rule(["certificates.k8s.io"], ["certificatesigningrequests"], ["create", "get", "list", "watch"]),
  rule(["storage.k8s.io"], ["csidrivers"], ["get", "list", "watch"]),
  rule(["node.k8s.io"], ["runtimeclasses"], ["get", "list", "watch"]),
];

const deny = (reason: string): Decision => ({ allowed: "no-opinion", reason });
const ALLOW: Decision = { allowed: "allow", reason: "" };

/** Whether an object has to do with a node. */
type Related = (node: string, namespace: string, name: string) => boolean;
type Rule = (node: string, attributes: Attributes) => Decision;

export class NodeAuthorizer {
  readonly #narrowed: ReadonlyMap<string, Rule>;

  constructor(objects: ObjectSource) {
    const references = new NodeReferences(objects);
    const claims: Related = (...of) => references.persistentVolumeClaim(...of);
    const podsOf: Related = (...of) => references.pod(...of);
    this.#narrowed = new Map<string, Rule>([
      ["/secrets", readOne((...of) => references.secret(...of))],
      ["/configmaps", readOne((...of) => references.configMap(...of))],
      [
        "/persistentvolumeclaims",
        (node, attributes) => (attributes.subresource === "status" ? updateStatus : getOne)(claims)(node, attributes),
      ],
      ["/persistentvolumes", getOne((...of) => references.persistentVolume(...of))],
      ["resource.k8s.io/resourceclaims", getOne((...of) => references.resourceClaim(...of))],
      ["storage.k8s.io/volumeattachments", getOne((...of) => references.volumeAttachment(...of))],
      ["/serviceaccounts", token((...of) => references.serviceAccount(...of))],
      ["coordination.k8s.io/leases", lease],
      ["storage.k8s.io/csinodes", csiNode],
      ["resource.k8s.io/resourceslices", slices((...of) => references.resourceSlice(...of))],
      ["/nodes", nodes],
      ["/pods", podRule(podsOf)],
    ]);
  }

  authorize(attributes: Attributes): Decision {
    const node = nodeNameOf(attributes.user);
    if (node === undefined) return deny("");
    const narrowed = attributes.resourceRequest
      ? this.#narrowed.get(`${attributes.apiGroup}/${attributes.resource}`)
      : undefined;
    if (narrowed !== undefined) return narrowed(node, attributes);
    return RULES.some((each) => ruleAllows(each, attributes)) ? ALLOW : deny("");
  }
}

function isRead({ verb }: Attributes): boolean {
  return verb === "get" || verb === "list" || verb === "watch";
}

function related(is: Related, node: string, { namespace, name }: Attributes): Decision {
  if (name === "") return deny("No Object name found");
  return is(node, namespace, name) ? ALLOW : deny(`no relationship found between node '${node}' and this object`);
}

/** get, list and watch of a single object. */
function readOne(is: Related): Rule {
  return (node, attributes) => {
    if (!isRead(attributes)) return deny("can only read resources of this type");
    if (attributes.subresource !== "") return deny("cannot read subresource");
    if (attributes.namespace === "") return deny("can only read namespaced object of this type");
    return related(is, node, attributes);
  };
}

function getOne(is: Related): Rule {
  return (node, attributes) => {
    if (attributes.verb !== "get") return deny("can only get individual resources of this type");
    if (attributes.subresource !== "") return deny("cannot get subresource");
    return related(is, node, attributes);
  };
}

function updateStatus(is: Related): Rule {
  return (node, attributes) =>
    attributes.verb === "update" || attributes.verb === "patch"
      ? related(is, node, attributes)
      : deny("can only get/update/patch this type");
}

/** Tokens of the accounts of its pods; accounts are read for credential providers of images. */
function token(is: Related): Rule {
  return (node, attributes) => {
    const { verb, subresource, name } = attributes;
    if (verb === "get" && subresource === "") return ALLOW;
    if (verb !== "create" || name === "") return deny("can only create tokens for individual service accounts");
    if (subresource !== "token") return deny("can only create token subresource of serviceaccount");
    return related(is, node, attributes);
  };
}

const OWN_VERBS = new Set(["get", "create", "update", "patch", "delete"]);

/** Of these a node has one, under its own name, which on creation is the NodeRestriction admission's to check. */
function ownNamed(what: string, node: string, { verb, name }: Attributes): Decision {
  return verb === "create" || name === node
    ? ALLOW
    : deny(`can only access ${what} with the same name as the requesting node`);
}

function lease(node: string, attributes: Attributes): Decision {
  if (!OWN_VERBS.has(attributes.verb)) return deny("can only get, create, update, patch, or delete a node lease");
  if (attributes.namespace !== "kube-node-lease")
    return deny('can only access leases in the "kube-node-lease" system namespace');
  return ownNamed("node lease", node, attributes);
}

function csiNode(node: string, attributes: Attributes): Decision {
  if (!OWN_VERBS.has(attributes.verb)) return deny("can only get, create, update, patch, or delete a CSINode");
  if (attributes.subresource !== "") return deny("cannot authorize CSINode subresources");
  return ownNamed("CSINode", node, attributes);
}

/** What selects only what is the node's, in a field of that name. */
function selectsNode(node: string, { fieldSelector }: Attributes, field: string): boolean {
  return (fieldSelector?.requirements ?? []).some(
    (requirement) => requirement.field === field && requirement.operator === "=" && requirement.value === node,
  );
}

function slices(is: Related): Rule {
  return (node, attributes) => {
    if (attributes.subresource !== "") return deny("cannot authorize ResourceSlice subresources");
    switch (attributes.verb) {
      case "create":
        return ALLOW;
      case "get":
      case "update":
      case "patch":
      case "delete":
        return related(is, node, attributes);
      case "watch":
      case "list":
      case "deletecollection":
        return selectsNode(node, attributes, "spec.nodeName")
          ? ALLOW
          : deny("can only list/watch/deletecollection resourceslices with nodeName field selector");
      default:
        return deny(
          "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection",
        );
    }
  };
}

/** Read by its name alone, so that a kubelet can ask before its Node exists. */
function nodes(node: string, attributes: Attributes): Decision {
  const { verb, name, subresource } = attributes;
  if (subresource === "status") return verb === "update" || verb === "patch" ? ALLOW : deny("");
  if (subresource !== "") return deny("");
  if (verb === "create" || verb === "update" || verb === "patch") return ALLOW;
  if (!isRead(attributes)) return deny("");
  if (name === node) return ALLOW;
  return deny(`node '${node}' cannot read ${name === "" ? "all nodes" : `'${name}'`}, only its own Node object`);
}

/** One pod that is on the node, or many where it is said that only the node's are meant (KEP-4601); writes are NodeRestriction's to check. */
function podRule(is: Related): Rule {
  return (node, attributes) => {
    const { verb, name, subresource } = attributes;
    if (subresource === "status") return verb === "update" || verb === "patch" ? ALLOW : deny("");
    if (subresource === "eviction") return verb === "create" ? ALLOW : deny("");
    if (subresource !== "") return deny("");
    if (verb === "create" || verb === "delete") return ALLOW;
    if (verb === "get") return related(is, node, attributes);
    if (verb !== "list" && verb !== "watch") return deny("");
    if (selectsNode(node, attributes, "spec.nodeName")) return ALLOW;
    return name === ""
      ? deny("can only list/watch pods with spec.nodeName field selector")
      : related(is, node, attributes);
  };
}
