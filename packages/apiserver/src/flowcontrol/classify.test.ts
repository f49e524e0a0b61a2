import { describe, expect, test } from "vitest";
import type { UserInfo } from "../auth/types.ts";
import { parseRequestInfo } from "../http/request-info.ts";
import { byPrecedence, compileSchema, distinguisherOf } from "./classify.ts";
import { MANDATORY_SCHEMAS, SUGGESTED_SCHEMAS } from "./defaults.ts";

const SCHEMAS = [...MANDATORY_SCHEMAS, ...SUGGESTED_SCHEMAS]
  .toSorted(byPrecedence)
  .map((object) => ({ object, matches: compileSchema(object) }));

function user(name: string, ...groups: string[]): UserInfo {
  return { name, groups: [...groups, "system:authenticated"] };
}
const node = user("system:node:n1", "system:nodes");
const alice = user("alice");
const masters = user("admin", "system:masters");
const account = (ns: string, name: string): UserInfo =>
  user(`system:serviceaccount:${ns}:${name}`, "system:serviceaccounts", `system:serviceaccounts:${ns}`);
const anonymous: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };
const LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1";

describe("the default schemas", () => {
  test.each<[string, UserInfo, string, string]>([
    ["exempt", masters, "GET", "/api/v1/pods"],
    ["exempt", masters, "GET", "/healthz"],
    ["probes", anonymous, "GET", "/readyz"],
    ["global-default", anonymous, "GET", "/readyz/ping"],
    ["global-default", anonymous, "POST", "/readyz"],
    ["system-leader-election", user("system:kube-scheduler"), "PUT", LEASE],
    ["system-leader-election", account("kube-system", "x"), "PUT", LEASE],
    ["kube-scheduler", user("system:kube-scheduler"), "DELETE", LEASE],
    ["kube-controller-manager", user("system:kube-controller-manager"), "GET", "/api/v1/pods"],
    ["endpoint-controller", user("system:kube-controller-manager"), "PUT", "/api/v1/namespaces/d/endpoints/x"],
    ["workload-leader-election", account("kube-system", "x"), "PUT", "/api/v1/namespaces/d/configmaps/x"],
    ["kube-system-service-accounts", account("kube-system", "x"), "DELETE", "/api/v1/namespaces/d/configmaps/x"],
    ["service-accounts", account("kube-systems", "x"), "PUT", LEASE],
    ["service-accounts", account("default", "default"), "GET", "/api/v1/nodes"],
    ["system-node-high", node, "PATCH", "/api/v1/nodes/n1/status"],
    ["system-node-high", node, "GET", "/api/v1/nodes"],
    ["system-node-high", node, "PUT", LEASE],
    ["system-nodes", node, "GET", "/api/v1/nodes/n1/proxy"],
    ["system-nodes", node, "GET", "/api/v1/pods"],
    ["global-default", alice, "GET", "/api/v1/pods"],
    ["global-default", alice, "GET", "/version"],
  ])("%s takes %j %s %s", (expected, who, method, url) => {
    const request = parseRequestInfo(method, url);
    const found = SCHEMAS.find(({ matches }) => matches(who, request));
    expect(found?.object.metadata?.name).toBe(expected);
  });
});

describe("a rule", () => {
  const rule = (namespaces: string[] | undefined, clusterScope: boolean) =>
    compileSchema({
      spec: {
        priorityLevelConfiguration: { name: "l" },
        rules: [
          {
            subjects: [{ kind: "User", user: { name: "*" } }],
            resourceRules: [
              {
                verbs: ["*"],
                apiGroups: ["*"],
                resources: ["*"],
                clusterScope,
                ...(namespaces === undefined ? {} : { namespaces }),
              },
            ],
          },
        ],
      },
    });
  test.each([
    [["*"], false, "/api/v1/namespaces/a/pods", true],
    [["*"], false, "/api/v1/pods", false],
    [undefined, true, "/api/v1/pods", true],
    [undefined, true, "/api/v1/namespaces/a/pods", false],
    [["b"], true, "/api/v1/namespaces/a/pods", false],
    [["*"], true, "/version", false],
  ])("for namespaces %j, cluster scope %j: %s is matched: %j", (namespaces, clusterScope, url, expected) => {
    expect(rule(namespaces, clusterScope)(alice, parseRequestInfo("GET", url))).toBe(expected);
  });

  test("for paths takes whole ones and what is below a slash", () => {
    const matches = compileSchema({
      spec: {
        priorityLevelConfiguration: { name: "l" },
        rules: [
          {
            subjects: [{ kind: "Group", group: { name: "system:authenticated" } }],
            nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/hea", "/healthz/*"] }],
          },
        ],
      },
    });
    const on = (path: string): boolean => matches(alice, parseRequestInfo("GET", path));
    expect([on("/hea"), on("/healthz"), on("/healthz/ping"), on("/heal")]).toEqual([true, false, true, false]);
  });
});

test("flows of a schema differ by user, by namespace or not at all", () => {
  const request = parseRequestInfo("GET", "/api/v1/namespaces/a/pods");
  const of = (type?: string): string =>
    distinguisherOf(
      {
        spec: {
          priorityLevelConfiguration: { name: "l" },
          ...(type === undefined ? {} : { distinguisherMethod: { type } }),
        },
      },
      alice,
      request,
    );
  expect([of("ByUser"), of("ByNamespace"), of()]).toEqual(["alice", "a", ""]);
});
