import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Harness } from "./harness.ts";
import type { Answer, Json } from "./harness.ts";
import { RemoteServer } from "./remote-server.ts";

const AUTHORIZATION = "/apis/authorization.k8s.io/v1";
const AUTHENTICATION = "/apis/authentication.k8s.io/v1";
const CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1";
const RBAC = "/apis/rbac.authorization.k8s.io/v1";

let api: Harness;
let remote: RemoteServer;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "knots-reviews-"));
  writeFileSync(join(folder, "tokens.csv"), 'sesame,alice,1,"readers"\n');
  remote = await RemoteServer.start("hook", {
    "/allow": ({ body }) => answer(body, { allowed: true }),
    "/deny": ({ body }) => answer(body, { allowed: false, status: { message: "not now", code: 403 } }),
    "/rename": ({ body }) => {
      const operations = [{ op: "replace", path: "/spec/user", value: "alice" }];
      const patch = Buffer.from(JSON.stringify(operations)).toString("base64");
      return answer(body, { allowed: true, patchType: "JSONPatch", patch });
    },
  });
  api = await Harness.start({ server: { tokenAuthFile: join(folder, "tokens.csv") } });
  await remote.expose(api, "hook");
  const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }];
  await api.post(`${RBAC}/clusterroles`, { metadata: { name: "pod-reader" }, rules });
  await api.post(`${RBAC}/clusterrolebindings`, {
    metadata: { name: "alice" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "pod-reader" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "alice" }],
  });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await remote[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  remote.requests.length = 0;
  for (const kind of ["mutating", "validating"]) await api.delete(`${CONFIGURATIONS}/${kind}webhookconfigurations`);
});

function answer(body: Json, response: object): object {
  return { apiVersion: body.apiVersion, kind: body.kind, response: { uid: body.request.uid, ...response } };
}

async function configure(kind: "mutating" | "validating", path: string, resources: string[]): Promise<void> {
  const service = { namespace: "default", name: "hook", path, port: remote.port };
  const webhook = {
    name: "reviews.example.com",
    clientConfig: { service, caBundle: remote.caBundle },
    rules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources }],
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
  };
  const made = await api.post(`${CONFIGURATIONS}/${kind}webhookconfigurations`, {
    metadata: { name: "reviews" },
    webhooks: [webhook],
  });
  expect(made.status).toBe(201);
}

const PODS = { verb: "get", resource: "pods", namespace: "default" };
const sar = (spec: object, query = ""): Promise<Answer> =>
  api.post(`${AUTHORIZATION}/subjectaccessreviews${query}`, { spec });

describe("access reviews", () => {
  it("answer in full", async () => {
    const { status, body } = await sar({ user: "alice", resourceAttributes: PODS });
    expect(status).toBe(201);
    expect(body).toEqual({
      kind: "SubjectAccessReview",
      apiVersion: "authorization.k8s.io/v1",
      metadata: { managedFields: [expect.objectContaining({ manager: "test" })] },
      spec: { user: "alice", resourceAttributes: PODS },
      status: { allowed: true },
    });
    expect((await sar({ user: "bob", resourceAttributes: PODS })).body.status).toEqual({ allowed: false });
  });

  it("say what of their selectors was not understood", async () => {
    const resourceAttributes = {
      ...PODS,
      verb: "list",
      fieldSelector: { rawSelector: "key in value" },
      labelSelector: {
        requirements: [
          { key: "a", operator: "Exists" },
          { key: "b", operator: "Newer" },
        ],
      },
    };
    expect((await sar({ user: "alice", resourceAttributes })).body.status).toEqual({
      allowed: true,
      evaluationError:
        "spec.resourceAttributes.fieldSelector ignored due to parse error; spec.resourceAttributes.labelSelector partially ignored due to parse error",
    });
  });

  it("are refused with every error", async () => {
    const wrong = await sar({
      resourceAttributes: {
        ...PODS,
        fieldSelector: {},
        labelSelector: { rawSelector: "a", requirements: [{ key: "a b", operator: "In" }] },
      },
      nonResourceAttributes: { path: "/healthz", verb: "get" },
    });
    expect(wrong.status).toBe(422);
    expect(wrong.body.details.causes.map((cause: Json) => `${cause.field}: ${cause.message}`)).toEqual([
      expect.stringContaining("spec.nonResourceAttributes: Invalid value: "),
      'spec.user: Invalid value: "": at least one of user or group must be specified',
      "spec.resourceAttributes.fieldSelector.requirements: Required value: when spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required",
      'spec.resourceAttributes.labelSelector.rawSelector: Invalid value: "a": may not specified at the same time as requirements',
      "spec.resourceAttributes.labelSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      expect.stringContaining("spec.resourceAttributes.labelSelector.requirements[0].key: Invalid value: "),
    ]);
    const named = await api.post(`${AUTHORIZATION}/selfsubjectaccessreviews`, {
      metadata: { name: "x" },
      spec: {},
    });
    expect(named.status).toBe(422);
    expect(named.body.message).toContain('spec.resourceAttributes: Invalid value: "null": exactly one of');
    expect(named.body.message).toContain("must be empty");
    const elsewhere = await api.post(`${AUTHORIZATION}/namespaces/default/localsubjectaccessreviews`, {
      spec: { user: "alice", resourceAttributes: { ...PODS, namespace: "other" } },
    });
    expect(elsewhere.body.message).toContain(
      'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
    );
    expect(
      (await sar({ user: "a", resourceAttributes: { verbs: "get" } }, "?fieldValidation=Strict")).body.message,
    ).toBe(
      'SubjectAccessReview in version "v1" cannot be handled as a SubjectAccessReview: strict decoding error: unknown field "spec.resourceAttributes.verbs"',
    );
  });

  it("are shown to webhooks, which may change them before they are answered", async () => {
    await configure("mutating", "/rename", ["subjectaccessreviews"]);
    const { body } = await sar({ user: "bob", resourceAttributes: PODS }, "?dryRun=All");
    expect(body.spec.user).toBe("alice");
    expect(body.status).toEqual({ allowed: true });
    expect(remote.requests.map(({ body: { request } }) => request)).toMatchObject([
      {
        kind: { group: "authorization.k8s.io", version: "v1", kind: "SubjectAccessReview" },
        resource: { group: "authorization.k8s.io", version: "v1", resource: "subjectaccessreviews" },
        operation: "CREATE",
        dryRun: true,
        object: { spec: { user: "bob" } },
      },
    ]);
  });

  it.each([
    ["subjectaccessreviews", { spec: { user: "alice", resourceAttributes: PODS } }],
    ["selfsubjectaccessreviews", { spec: { resourceAttributes: PODS } }],
    ["selfsubjectrulesreviews", { spec: { namespace: "default" } }],
    ["namespaces/default/localsubjectaccessreviews", { spec: { user: "alice", resourceAttributes: PODS } }],
  ])("can be refused by a webhook: %s", async (path, body) => {
    expect((await api.post(`${AUTHORIZATION}/${path}`, body)).status).toBe(201);
    await configure("validating", "/deny", [path.split("/").at(-1) ?? ""]);
    const refused = await api.post(`${AUTHORIZATION}/${path}`, body);
    expect(refused.status).toBe(403);
    expect(refused.body.message).toBe('admission webhook "reviews.example.com" denied the request: not now');
  });

  it("are none of the admission policies' business", async () => {
    const rule = { apiGroups: ["*"], apiVersions: ["*"], operations: ["CREATE"], resources: ["subjectaccessreviews"] };
    await api.post(`${CONFIGURATIONS}/validatingadmissionpolicies`, {
      metadata: { name: "never" },
      spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: "false" }] },
    });
    await api.post(`${CONFIGURATIONS}/validatingadmissionpolicybindings`, {
      metadata: { name: "never" },
      spec: { policyName: "never", validationActions: ["Deny"] },
    });
    expect((await sar({ user: "alice", resourceAttributes: PODS })).status).toBe(201);
  });

  it("tell a user's rules", async () => {
    const as = { "impersonate-user": "alice" };
    const path = `${AUTHORIZATION}/selfsubjectrulesreviews`;
    const { body } = await api.post(path, { spec: { namespace: "default" } }, as);
    expect(body.status.resourceRules).toContainEqual({ verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] });
    expect(body.status.incomplete).toBe(false);
    expect((await api.post(path, { spec: {} }, as)).body.message).toBe("no namespace on request");
    const node = { "impersonate-user": "system:node:n1", "impersonate-group": "system:nodes" };
    const ofNode = await api.post(path, { spec: { namespace: "default" } }, node);
    expect(ofNode.body.status).toMatchObject({
      incomplete: true,
      evaluationError: "node authorizer does not support user rule resolution",
    });
  });
});

describe("impersonation", () => {
  it("takes each line of a header for one value, whatever it holds", async () => {
    const { body } = await api.post(
      `${AUTHENTICATION}/selfsubjectreviews`,
      {},
      {
        "impersonate-user": "jane, of course",
        "impersonate-group": ["group2", ",,,chameleon"],
        "impersonate-extra-acme.com%2fproject": ["a, b", "c"],
      },
    );
    expect(body.status.userInfo).toEqual({
      username: "jane, of course",
      groups: ["group2", ",,,chameleon", "system:authenticated"],
      extra: { "acme.com/project": ["a, b", "c"] },
    });
  });
});

describe("TokenReview", () => {
  const review = (spec: object): Promise<Answer> => api.post(`${AUTHENTICATION}/tokenreviews`, { spec });

  it("says whose a token is, and for which audiences", async () => {
    const { body } = await review({ token: "sesame" });
    expect(body.status).toEqual({
      authenticated: true,
      user: { username: "alice", uid: "1", groups: ["readers", "system:authenticated"] },
      audiences: ["https://kubernetes.default.svc.cluster.local"],
    });
  });

  it("knows no token of this server's for another audience, and none it was not given", async () => {
    const refused = { authenticated: false, user: {}, error: "invalid bearer token" };
    expect((await review({ token: "sesame", audiences: ["vault"] })).body.status).toEqual(refused);
    expect((await review({ token: "other" })).body.status).toEqual(refused);
    expect((await review({})).body.message).toBe("token is required for TokenReview in authentication");
  });

  it("is shown to webhooks", async () => {
    await configure("validating", "/deny", ["tokenreviews", "selfsubjectreviews"]);
    expect((await review({ token: "sesame" })).status).toBe(403);
    expect((await api.post(`${AUTHENTICATION}/selfsubjectreviews`, {})).status).toBe(403);
  });
});

describe("SelfSubjectReview", () => {
  it("says who asks, and when", async () => {
    const { body } = await api.post(`${AUTHENTICATION}/selfsubjectreviews`, {}, { "impersonate-user": "alice" });
    expect(body).toMatchObject({
      kind: "SelfSubjectReview",
      status: { userInfo: { username: "alice", groups: ["system:authenticated"] } },
    });
    expect(body.metadata.creationTimestamp).toMatch(/^\d{4}-/);
  });
});

it("names whose fields a review's are where it gives the review back", async () => {
  const spec = { resourceAttributes: { verb: "get", resource: "pods", namespace: "default" } };
  const headers = { "user-agent": "asker/1.0" };
  const { body: access } = await api.post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec }, headers);
  const [field, ...others] = access.metadata.managedFields;
  expect(others).toEqual([]);
  expect(field).toEqual({
    manager: "asker",
    operation: "Update",
    apiVersion: "authorization.k8s.io/v1",
    time: expect.stringMatching(/^\d{4}-/),
    fieldsType: "FieldsV1",
    fieldsV1: {
      "f:spec": { "f:resourceAttributes": { ".": {}, "f:namespace": {}, "f:resource": {}, "f:verb": {} } },
    },
  });
  const token = `${AUTHENTICATION}/tokenreviews?fieldManager=gate`;
  const { body: review } = await api.post(token, { spec: { token: "sesame" } });
  expect(review.metadata.managedFields).toMatchObject([{ manager: "gate", fieldsV1: { "f:spec": { "f:token": {} } } }]);
  const { body: rules } = await api.post(`${AUTHORIZATION}/selfsubjectrulesreviews`, {
    spec: { namespace: "default" },
  });
  expect(rules.metadata).toEqual({});
});
