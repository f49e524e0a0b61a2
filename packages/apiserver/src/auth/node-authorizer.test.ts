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
  get: (_type, _namespace, name) => pods.find(({ metadata }) => metadata?.name === name) as never,
  list: () => pods as never,
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
    ["list /nodes/", {}, 'node "n1" cannot read all nodes, only its own Node object'],
    ["get /nodes/ n2", {}, 'node "n1" cannot read "n2", only its own Node object'],
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
