import type { Pod } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import type { ObjectSource } from "../registry/object-source.ts";
import { NodeAuthorizer } from "./node-authorizer.ts";
import { selectorsOfQuery } from "./selectors.ts";
import type { Attributes } from "./types.ts";

const pod = (name: string, nodeName: string): Pod => ({
  metadata: { name, namespace: "default" },
  spec: { nodeName, containers: [] },
});
const pods = [pod("mine", "n1"), pod("theirs", "n2")];
const objects: ObjectSource = {
  get: ({ resource }, _namespace, name) =>
    (resource === "pods" ? pods : []).find(({ metadata }) => metadata?.name === name) as never,
  list: ({ resource }) => (resource === "pods" ? pods : []) as never,
  subscribe: () => ({ [Symbol.dispose]: () => undefined }),
};
const authorizer = new NodeAuthorizer(objects);

function decide(what: string, query: Record<string, string> = {}): string {
  const [verb = "", path = "", name = ""] = what.split(" ");
  const [apiGroup = "", resource = "", namespace = ""] = path.split("/");
  const attributes: Attributes = {
    user: { name: "system:node:n1", groups: ["system:nodes"] },
    verb,
    apiGroup,
    apiVersion: "v1",
    resource,
    subresource: "",
    namespace,
    name,
    resourceRequest: true,
    path: "",
    ...selectorsOfQuery(new URLSearchParams(query)),
  };
  const { allowed, reason } = authorizer.authorize(attributes);
  return allowed === "allow" ? "allow" : reason;
}

const NO_RELATION = "no relationship found between node 'n1' and this object";

describe("NodeAuthorizer", () => {
  it.each([
    ["get /nodes/ n1", {}, "allow"],
    ["watch /nodes/ n1", {}, "allow"],
    ["list /nodes/", {}, "node 'n1' cannot read all nodes, only its own Node object"],
    ["get /nodes/ n2", {}, "node 'n1' cannot read 'n2', only its own Node object"],
    ["create /nodes/", {}, "allow"],
    ["delete /nodes/ n1", {}, ""],
    ["get /pods/default mine", {}, "allow"],
    ["get /pods/default theirs", {}, NO_RELATION],
    ["get /pods/default none", {}, NO_RELATION],
    ["watch /pods/", { fieldSelector: "spec.nodeName=n1" }, "allow"],
    ["list /pods/", { fieldSelector: "status.phase!=Failed,spec.nodeName=n1" }, "allow"],
    [
      "list /pods/",
      { fieldSelector: "spec.nodeName=n2" },
      "can only list/watch pods with spec.nodeName field selector",
    ],
    [
      "list /pods/",
      { fieldSelector: "spec.nodeName!=n1" },
      "can only list/watch pods with spec.nodeName field selector",
    ],
    ["watch /pods/", {}, "can only list/watch pods with spec.nodeName field selector"],
    ["get coordination.k8s.io/leases/kube-node-lease n1", {}, "allow"],
    ["create coordination.k8s.io/leases/kube-node-lease", {}, "allow"],
    [
      "update coordination.k8s.io/leases/kube-node-lease n2",
      {},
      "can only access node lease with the same name as the requesting node",
    ],
    [
      "get coordination.k8s.io/leases/default n1",
      {},
      'can only access leases in the "kube-node-lease" system namespace',
    ],
    [
      "list coordination.k8s.io/leases/kube-node-lease",
      {},
      "can only get, create, update, patch, or delete a node lease",
    ],
    ["watch /pods/default mine", {}, "allow"],
    ["watch /pods/default theirs", {}, NO_RELATION],
    ["update /pods/default mine", {}, ""],
    ["get /secrets/default none", {}, NO_RELATION],
    ["list /secrets/default", {}, "No Object name found"],
    ["list /secrets/", {}, "can only read namespaced object of this type"],
    ["create /configmaps/default", {}, "can only read resources of this type"],
    ["list /persistentvolumeclaims/default", {}, "can only get individual resources of this type"],
    ["get /persistentvolumeclaims/default none", {}, NO_RELATION],
    ["get /persistentvolumes/ none", {}, NO_RELATION],
    ["watch storage.k8s.io/volumeattachments/ x", {}, "can only get individual resources of this type"],
    ["get resource.k8s.io/resourceclaims/default none", {}, NO_RELATION],
    ["create resource.k8s.io/resourceslices/", {}, "allow"],
    ["delete resource.k8s.io/resourceslices/ none", {}, NO_RELATION],
    ["watch resource.k8s.io/resourceslices/", { fieldSelector: "spec.nodeName=n1" }, "allow"],
    [
      "deletecollection resource.k8s.io/resourceslices/",
      { fieldSelector: "spec.nodeName=n2" },
      "can only list/watch/deletecollection resourceslices with nodeName field selector",
    ],
    ["create /serviceaccounts/default default", {}, "can only create token subresource of serviceaccount"],
    ["list /serviceaccounts/default", {}, "can only create tokens for individual service accounts"],
    ["list storage.k8s.io/csinodes/", {}, "can only get, create, update, patch, or delete a CSINode"],
    ["list storage.k8s.io/csidrivers/", {}, "allow"],
    ["list storage.k8s.io/storageclasses/", {}, ""],
    ["get storage.k8s.io/csinodes/ n1", {}, "allow"],
    ["patch storage.k8s.io/csinodes/ n2", {}, "can only access CSINode with the same name as the requesting node"],
  ])("%s %j", (what, query, expected) => {
    expect(decide(what, query as Record<string, string>)).toBe(expected);
  });

  it("has no opinion about who is no node", () => {
    const user = { name: "system:node:n1", groups: [] };
    const asked = { user, verb: "get", apiGroup: "", apiVersion: "v1", resource: "nodes", subresource: "" };
    expect(authorizer.authorize({ ...asked, namespace: "", name: "n1", resourceRequest: true, path: "" })).toEqual({
      allowed: "no-opinion",
      reason: "",
    });
  });
});
