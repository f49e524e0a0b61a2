import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness } from "./harness.ts";
import type { Answer, Json } from "./harness.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const GROUP = "rbac.authorization.k8s.io";
const ROLES = `${RBAC}/namespaces/default/roles`;
const BINDINGS = `${RBAC}/namespaces/default/rolebindings`;
const CLUSTER_ROLES = `${RBAC}/clusterroles`;
const CLUSTER_BINDINGS = `${RBAC}/clusterrolebindings`;

const READ_PODS = { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] };
const READ_SECRETS = { apiGroups: [""], resources: ["secrets"], verbs: ["get", "list"] };

let api: Harness;
beforeAll(async () => {
  api = await Harness.start();
  const clusterRole = async (name: string, rules: object[]): Promise<void> => {
    expect((await api.post(CLUSTER_ROLES, { metadata: { name }, rules })).status).toBe(201);
  };
  const writer = { apiGroups: [GROUP], resources: ["*"], verbs: ["create", "get", "patch", "update", "delete"] };
  await clusterRole("writer", [writer, READ_PODS]);
  await clusterRole("escalator", [{ apiGroups: [GROUP], resources: ["roles", "clusterroles"], verbs: ["escalate"] }]);
  await clusterRole("secrets", [READ_SECRETS]);
  await clusterRole("pods", [READ_PODS]);
  await clusterRole("binder", [
    { apiGroups: [GROUP], resources: ["clusterroles"], verbs: ["bind"], resourceNames: ["secrets"] },
  ]);
  await clusterRole("everything", [
    { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
    { nonResourceURLs: ["*"], verbs: ["*"] },
  ]);
  const bind = async (user: string, ...roles: string[]): Promise<void> => {
    for (const role of roles) {
      const binding = {
        metadata: { name: `${user}-${role}` },
        roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: role },
        subjects: [{ apiGroup: GROUP, kind: "User", name: user }],
      };
      expect((await api.post(CLUSTER_BINDINGS, binding)).status).toBe(201);
    }
  };
  await bind("wendy", "writer");
  await bind("erik", "writer", "escalator");
  await bind("bea", "writer", "binder");
  await bind("root", "everything");
});
afterAll(() => api[Symbol.asyncDispose]());

function as(user: string, method: string, path: string, body?: object, type = "application/json"): Promise<Answer> {
  return api.request(method, path, body, { "content-type": type, "impersonate-user": user });
}

const role = (name: string, ...rules: object[]): Json => ({ metadata: { name }, rules });
const binding = (name: string, kind: string, bound: string): Json => ({
  metadata: { name },
  roleRef: { apiGroup: GROUP, kind, name: bound },
  subjects: [{ apiGroup: GROUP, kind: "User", name: "somebody" }],
});

const LACKS_SECRETS =
  'user "wendy" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
  '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}';

describe("writing roles", () => {
  it("lets a user grant what they hold", async () => {
    expect((await as("wendy", "POST", ROLES, role("own", READ_PODS))).status).toBe(201);
    expect((await as("wendy", "POST", CLUSTER_ROLES, role("own", READ_PODS))).status).toBe(201);
  });

  it("refuses what they do not hold, in upstream's words", async () => {
    const answer = await as("wendy", "POST", ROLES, role("more", READ_PODS, READ_SECRETS));
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({
      reason: "Forbidden",
      message: `roles.${GROUP} "more" is forbidden: ${LACKS_SECRETS}`,
      details: { name: "more", group: GROUP, kind: "roles" },
    });
    const cluster = await as("wendy", "POST", CLUSTER_ROLES, role("more", READ_SECRETS));
    expect(cluster.body.message).toBe(`clusterroles.${GROUP} "more" is forbidden: ${LACKS_SECRETS}`);
    expect((await api.get(`${ROLES}/more`)).status).toBe(404);
  });

  it("refuses it by PUT, by each patch and by server-side apply", async () => {
    await as("wendy", "POST", ROLES, role("grown", READ_PODS));
    const path = `${ROLES}/grown`;
    const more = { rules: [READ_PODS, READ_SECRETS] };
    const applied = { apiVersion: `${GROUP}/v1`, kind: "Role", metadata: { name: "grown" }, ...more };
    const tries: [string, string, object, string?][] = [
      ["PUT", path, { ...applied }],
      ["PATCH", path, more, "application/merge-patch+json"],
      ["PATCH", path, more, "application/strategic-merge-patch+json"],
      ["PATCH", path, [{ op: "add", path: "/rules/-", value: READ_SECRETS }], "application/json-patch+json"],
      ["PATCH", `${path}?fieldManager=w&force=true`, applied, "application/apply-patch+yaml"],
      ["PUT", `${ROLES}/new`, { ...applied, metadata: { name: "new" } }],
      [
        "PATCH",
        `${ROLES}/new?fieldManager=w`,
        { ...applied, metadata: { name: "new" } },
        "application/apply-patch+yaml",
      ],
      ["POST", `${ROLES}?dryRun=All`, role("new", READ_SECRETS)],
    ];
    for (const [method, to, body, type] of tries) {
      const answer = await as("wendy", method, to, body, type);
      expect([method, type, answer.status]).toEqual([method, type, 403]);
      expect(answer.body.message).toContain("not currently held");
    }
    expect((await api.get(path)).body.rules).toEqual([READ_PODS]);
    expect((await api.get(`${ROLES}/new`)).status).toBe(404);
  });

  it("looks at the whole role whenever anything but its lifetime changes", async () => {
    await api.post(ROLES, role("foreign", READ_SECRETS));
    const path = `${ROLES}/foreign`;
    const label = await as(
      "wendy",
      "PATCH",
      path,
      { metadata: { labels: { a: "b" } } },
      "application/merge-patch+json",
    );
    expect(label.status).toBe(403);
    const finalizer = { metadata: { finalizers: ["example.com/x"] } };
    expect((await as("wendy", "PATCH", path, finalizer, "application/merge-patch+json")).status).toBe(200);
    const owner = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "1" };
    const orphan = { metadata: { finalizers: null, ownerReferences: [owner] } };
    expect((await as("wendy", "PATCH", path, orphan, "application/merge-patch+json")).status).toBe(200);
  });

  it("lets go on who may escalate, and administrators", async () => {
    expect((await as("erik", "POST", ROLES, role("by-erik", READ_SECRETS))).status).toBe(201);
    expect((await as("erik", "POST", CLUSTER_ROLES, role("by-erik", READ_SECRETS))).status).toBe(201);
    expect((await as("root", "POST", CLUSTER_ROLES, role("by-root", READ_SECRETS))).status).toBe(201);
    expect((await api.post(CLUSTER_ROLES, role("by-masters", READ_SECRETS))).status).toBe(201);
  });

  it("counts rights in the role's own namespace, and nowhere else", async () => {
    await api.post("/api/v1/namespaces", { metadata: { name: "elsewhere" } });
    await api.post(BINDINGS, {
      ...binding("wendy-secrets", "ClusterRole", "secrets"),
      subjects: [{ apiGroup: GROUP, kind: "User", name: "wendy" }],
    });
    expect((await as("wendy", "POST", ROLES, role("local", READ_SECRETS))).status).toBe(201);
    const there = `${RBAC}/namespaces/elsewhere/roles`;
    expect((await as("wendy", "POST", there, role("local", READ_SECRETS))).status).toBe(403);
    expect((await as("wendy", "POST", CLUSTER_ROLES, role("local", READ_SECRETS))).status).toBe(403);
    await api.delete(`${BINDINGS}/wendy-secrets`);
  });

  it("wants an administrator for an aggregation rule", async () => {
    const selector = { matchLabels: { "example.com/gather": "true" } };
    const gathering = { metadata: { name: "gathering" }, aggregationRule: { clusterRoleSelectors: [selector] } };
    const refused = await as("wendy", "POST", CLUSTER_ROLES, gathering);
    expect(refused.status).toBe(403);
    expect(refused.body.message).toBe(
      `clusterroles.${GROUP} "gathering" is forbidden: must have cluster-admin privileges to use the aggregationRule`,
    );
    expect((await as("root", "POST", CLUSTER_ROLES, gathering)).status).toBe(201);
    const taken = await as(
      "wendy",
      "PATCH",
      `${CLUSTER_ROLES}/gathering`,
      { aggregationRule: null },
      "application/merge-patch+json",
    );
    expect(taken.status).toBe(403);
    const label = { metadata: { labels: { a: "b" } } };
    const byErik = await as("erik", "PATCH", `${CLUSTER_ROLES}/gathering`, label, "application/merge-patch+json");
    expect(byErik.status).toBe(200);
  });
});

describe("writing bindings", () => {
  it("lets a user bind what they hold, and refuses more", async () => {
    expect((await as("wendy", "POST", BINDINGS, binding("own", "ClusterRole", "pods"))).status).toBe(201);
    const refused = await as("wendy", "POST", BINDINGS, binding("more", "ClusterRole", "secrets"));
    expect(refused.status).toBe(403);
    expect(refused.body.message).toBe(`rolebindings.${GROUP} "more" is forbidden: ${LACKS_SECRETS}`);
    const cluster = await as("wendy", "POST", CLUSTER_BINDINGS, binding("more", "ClusterRole", "secrets"));
    expect(cluster.body.message).toBe(`clusterrolebindings.${GROUP} "more" is forbidden: ${LACKS_SECRETS}`);
  });

  it("lets the right to bind one role do that", async () => {
    expect((await as("bea", "POST", BINDINGS, binding("b", "ClusterRole", "secrets"))).status).toBe(201);
    expect((await as("bea", "POST", CLUSTER_BINDINGS, binding("b", "ClusterRole", "secrets"))).status).toBe(201);
    expect((await as("bea", "POST", CLUSTER_BINDINGS, binding("c", "ClusterRole", "cluster-admin"))).status).toBe(403);
  });

  it("refuses new subjects of a role that the user does not hold", async () => {
    await api.post(BINDINGS, binding("given", "ClusterRole", "secrets"));
    const subjects = [{ apiGroup: GROUP, kind: "User", name: "wendy" }];
    const path = `${BINDINGS}/given`;
    expect((await as("wendy", "PATCH", path, { subjects }, "application/merge-patch+json")).status).toBe(403);
    const apply = { apiVersion: `${GROUP}/v1`, kind: "RoleBinding", ...binding("given", "ClusterRole", "secrets") };
    const applied = await as(
      "wendy",
      "PATCH",
      `${path}?fieldManager=w&force=true`,
      { ...apply, subjects },
      "application/apply-patch+yaml",
    );
    expect(applied.status).toBe(403);
    expect((await as("bea", "PATCH", path, { subjects }, "application/merge-patch+json")).status).toBe(200);
  });

  it("says which role does not exist, unless the user may bind it all the same", async () => {
    const answer = await as("wendy", "POST", BINDINGS, binding("nothing", "Role", "none"));
    expect(answer.status).toBe(404);
    expect(answer.body.message).toBe(`roles.${GROUP} "none" not found`);
    expect((await as("root", "POST", BINDINGS, binding("nothing", "Role", "none"))).status).toBe(201);
    expect((await api.post(BINDINGS, binding("nothing-either", "Role", "none"))).status).toBe(201);
  });
});
