// Roles made of other roles, against a real API server.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { clusterRoles } from "@knots/api/rbac/v1";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({ controllers: ["clusterrole-aggregation-controller"] });
});
afterAll(() => environment[Symbol.asyncDispose]());

const roles = () => environment.client.resource(clusterRoles);
const verbsOn = async (name: string, resource: string, group = "example.com"): Promise<string[]> =>
  ((await roles().get(name)).rules ?? [])
    .filter(({ resources, apiGroups }) => resources?.includes(resource) && apiGroups?.includes(group))
    .flatMap(({ verbs }) => verbs);

test("a role labelled for view reaches view, edit and admin, and leaves them again", async () => {
  await roles().create({
    metadata: { name: "widgets", labels: { "rbac.authorization.k8s.io/aggregate-to-view": "true" } },
    rules: [{ verbs: ["get"], apiGroups: ["example.com"], resources: ["widgets"] }],
  });
  for (const name of ["view", "edit", "admin"])
    await vi.waitFor(async () => expect(await verbsOn(name, "widgets")).toEqual(["get"]), { timeout: 10_000 });
  expect(await verbsOn("view", "pods", "")).toEqual(["get", "list", "watch"]);
  await roles().delete("widgets");
  for (const name of ["view", "edit", "admin"])
    await vi.waitFor(async () => expect(await verbsOn(name, "widgets")).toEqual([]), { timeout: 10_000 });
  expect((await roles().get("view")).aggregationRule?.clusterRoleSelectors).toHaveLength(1);
});

test("rules written into an aggregated role by hand do not last", async () => {
  await roles().create({
    metadata: { name: "sum" },
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { none: "such" } }] },
    rules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
  });
  await vi.waitFor(async () => expect((await roles().get("sum")).rules ?? []).toEqual([]), { timeout: 10_000 });
});
