import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness, take } from "./harness.ts";
import type { Answer, Json } from "./harness.ts";

const GROUP = "/apis/admissionregistration.k8s.io/v1";
const MAPS = "/api/v1/namespaces/default/configmaps";

const rules = (operations: string[] = ["CREATE", "UPDATE"]): Json => ({
  resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations, resources: ["configmaps"] }],
});

describe("admission policies", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  async function create(path: string, body: Json): Promise<void> {
    const answer = await api.post(path, body);
    expect(answer.body.message).toBeUndefined();
    expect(answer.status).toBe(201);
  }

  const configMap = (name: string, data: Json, labels: Json = {}): Promise<Answer> =>
    api.post(MAPS, { metadata: { name, labels }, data });

  /** Objects labelled with the policy's name are its own: the tests share a server. */
  async function validating(name: string, spec: Json, binding: Json = {}): Promise<void> {
    await create(`${GROUP}/validatingadmissionpolicies`, {
      metadata: { name },
      spec: { matchConstraints: { ...rules(), objectSelector: { matchLabels: { test: name } } }, ...spec },
    });
    await create(`${GROUP}/validatingadmissionpolicybindings`, {
      metadata: { name: `${name}-binding` },
      spec: { policyName: name, validationActions: ["Deny"], ...binding },
    });
  }

  async function mutating(name: string, spec: Json, binding: Json = {}): Promise<void> {
    await create(`${GROUP}/mutatingadmissionpolicies`, {
      metadata: { name },
      spec: {
        matchConstraints: { ...rules(), objectSelector: { matchLabels: { test: name } } },
        reinvocationPolicy: "Never",
        ...spec,
      },
    });
    await create(`${GROUP}/mutatingadmissionpolicybindings`, {
      metadata: { name: `${name}-binding` },
      spec: { policyName: name, ...binding },
    });
  }

  it("denies in upstream's words, with the policy's reason and message", async () => {
    await validating("words", {
      variables: [
        { name: "keys", expression: "has(object.data) ? object.data : {}" },
        { name: "count", expression: "variables.keys.size()" },
      ],
      validations: [
        { expression: "variables.count < 2", messageExpression: "'too many: ' + string(variables.count)" },
        { expression: "!('secret' in variables.keys)", message: "no secrets", reason: "Forbidden" },
        { expression: "object.metadata.name.startsWith('w')" },
        {
          expression:
            "request.operation == 'CREATE' && request.kind.kind == 'ConfigMap' && request.userInfo.username != ''",
        },
        { expression: "namespaceObject.metadata.name == 'default' && oldObject == null" },
      ],
    });
    const labels = { test: "words" };
    const many = await configMap("w1", { a: "1", b: "2" }, labels);
    expect(many.status).toBe(422);
    expect(many.body).toMatchObject({
      reason: "Invalid",
      message:
        "configmaps \"w1\" is forbidden: ValidatingAdmissionPolicy 'words' with binding 'words-binding' denied request: too many: 2",
    });
    expect((await configMap("w2", { secret: "x" }, labels)).body).toMatchObject({ code: 403, reason: "Forbidden" });
    expect((await configMap("x", {}, labels)).body.message).toContain(
      "denied request: failed expression: object.metadata.name.startsWith('w')",
    );
    expect((await configMap("w3", { a: "1" }, labels)).status).toBe(201);
    expect((await configMap("free", { a: "1", b: "2", c: "3" })).status).toBe(201);
  });

  it("warns instead where the binding says so", async () => {
    await validating(
      "warns",
      { validations: [{ expression: "false", message: "hear me" }] },
      { validationActions: ["Warn", "Audit"] },
    );
    const answer = await configMap("warned", {}, { test: "warns" });
    expect(answer.status).toBe(201);
    expect(answer.headers["warning"]).toContain(
      "Validation failed for ValidatingAdmissionPolicy 'warns' with binding 'warns-binding': hear me",
    );
  });

  it("takes parameters", async () => {
    await configMap("limits", { max: "1" });
    const spec = {
      paramKind: { apiVersion: "v1", kind: "ConfigMap" },
      validations: [{ expression: "object.data.size() <= int(params.data.max)", message: "over the limit" }],
    };
    await validating("params", spec, { paramRef: { name: "limits", parameterNotFoundAction: "Deny" } });
    const labels = { test: "params" };
    expect((await configMap("p1", { a: "1", b: "2" }, labels)).body.message).toContain("over the limit");
    expect((await configMap("p2", { a: "1" }, labels)).status).toBe(201);
    await validating("absent", spec, { paramRef: { name: "nowhere", parameterNotFoundAction: "Deny" } });
    expect((await configMap("p3", { a: "1" }, { test: "absent" })).body.message).toContain(
      "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
    );
    await validating("allowed", spec, { paramRef: { name: "nowhere", parameterNotFoundAction: "Allow" } });
    expect((await configMap("p4", { a: "1" }, { test: "allowed" })).status).toBe(201);
    await validating("selected", spec, {
      paramRef: { selector: { matchLabels: { limit: "yes" } }, namespace: "default", parameterNotFoundAction: "Deny" },
    });
    await configMap("limits-2", { max: "0" }, { limit: "yes" });
    expect((await configMap("p5", { a: "1" }, { test: "selected" })).body.message).toContain("over the limit");
  });

  it("asks conditions first, and follows the failure policy", async () => {
    await validating("conditions", {
      matchConditions: [{ name: "not-exempt", expression: "!object.metadata.name.startsWith('exempt')" }],
      validations: [{ expression: "object.data.nothing == 'x'" }],
    });
    const labels = { test: "conditions" };
    expect((await configMap("exempt", {}, labels)).status).toBe(201);
    expect((await configMap("c1", { a: "1" }, labels)).body.message).toContain(
      "expression 'object.data.nothing == 'x'' resulted in error: no such key: nothing",
    );
    await validating("ignores", {
      failurePolicy: "Ignore",
      validations: [
        { expression: "object.data.nothing == 'x'" },
        { expression: "object.data.a == '1'", message: "a must be 1" },
      ],
    });
    expect((await configMap("c2", { a: "1" }, { test: "ignores" })).status).toBe(201);
    expect((await configMap("c3", { a: "2" }, { test: "ignores" })).body.message).toContain("a must be 1");
  });

  it("asks the authorizer", async () => {
    await validating("authorizes", {
      validations: [
        {
          expression:
            "authorizer.group('').resource('pods').namespace('default').check('delete').allowed() && authorizer.requestResource.check('create').allowed()",
        },
        {
          expression:
            "authorizer.serviceAccount('default', 'default').group('').resource('pods').namespace('default').check('delete').allowed()",
          message: "not for service accounts",
        },
      ],
    });
    expect((await configMap("a1", {}, { test: "authorizes" })).body.message).toMatch(
      /denied request: not for service accounts$/,
    );
  });

  it("sees deployments in the version that it names", async () => {
    await create(`${GROUP}/validatingadmissionpolicies`, {
      metadata: { name: "replicas" },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] },
          ],
        },
        validations: [
          {
            expression: "object.spec.replicas > 1",
            messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)",
          },
        ],
      },
    });
    await create(`${GROUP}/validatingadmissionpolicybindings`, {
      metadata: { name: "replicas" },
      spec: { policyName: "replicas", validationActions: ["Deny"] },
    });
    const deployment = (replicas: number): Promise<Answer> =>
      api.post("/apis/apps/v1/namespaces/default/deployments", {
        metadata: { name: `d${replicas}` },
        spec: {
          replicas,
          selector: { matchLabels: { a: "b" } },
          template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
        },
      });
    expect((await deployment(1)).body.message).toBe(
      "deployments.apps \"d1\" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'replicas' denied request: wants replicas > 1, got 1",
    );
    expect((await deployment(2)).status).toBe(201);
  });

  it("mutates by configuration and by patch", async () => {
    await mutating("applies", {
      variables: [{ name: "who", expression: "request.userInfo.username" }],
      mutations: [
        {
          patchType: "ApplyConfiguration",
          applyConfiguration: {
            expression: "Object{metadata: Object.metadata{labels: {'by': 'policy'}}, data: {'user': variables.who}}",
          },
        },
        {
          patchType: "JSONPatch",
          jsonPatch: {
            expression:
              "has(object.data.user) ? [JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a.b/c'), value: 'x'}, JSONPatch{op: 'remove', path: '/data/old'}] : []",
          },
        },
      ],
    });
    const { status, body } = await configMap("m1", { old: "1", kept: "2" }, { test: "applies" });
    expect(body.message).toBeUndefined();
    expect(status).toBe(201);
    expect(body.metadata.labels).toEqual({ test: "applies", by: "policy", "a.b/c": "x" });
    expect(Object.keys(body.data).toSorted()).toEqual(["kept", "user"]);
    const failing = await configMap("m2", { kept: "2" }, { test: "applies" });
    expect(failing.status).toBe(422);
    expect(failing.body.message).toContain("policy 'applies' with binding 'applies-binding' denied request");
  });

  it("goes round again for those that ask for it", async () => {
    const set = (key: string): Json => ({
      patchType: "ApplyConfiguration",
      applyConfiguration: {
        expression: `has(object.data) && has(object.data.second) ? Object{data: {'${key}': 'saw second'}} : Object{data: {'${key}': 'alone'}}`,
      },
    });
    const match = { matchConstraints: { ...rules(), objectSelector: { matchLabels: { round: "yes" } } } };
    await mutating("r1", { ...match, reinvocationPolicy: "IfNeeded", mutations: [set("first")] });
    await mutating("r2", { ...match, mutations: [set("second")] });
    const { body } = await configMap("round", {}, { round: "yes" });
    expect(body.message).toBeUndefined();
    expect(body.data).toEqual({ first: "saw second", second: "alone" });
  });

  it("refuses policies that are wrong", async () => {
    const said = async (kind: string, spec: Json): Promise<Json[]> =>
      (await api.post(`${GROUP}/${kind}`, { metadata: { name: "wrong" }, spec })).body.details.causes;
    const causes = await said("validatingadmissionpolicies", {
      matchConstraints: rules(),
      matchConditions: [{ name: "c", expression: "params.x" }],
      variables: [{ name: "1x", expression: "1 +" }],
      validations: [
        { expression: "object.a == 1 + 'x'" },
        { expression: "1", reason: "Nonsense" },
        { expression: "true", messageExpression: "authorizer" },
      ],
    });
    const text = (field: string): string =>
      causes
        .filter((cause) => cause.field === field)
        .map(({ message }) => message)
        .join("\n");
    expect(text("spec.matchConditions[0].expression")).toContain(
      "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params'",
    );
    expect(text("spec.variables[0].name")).toContain("must be a valid CEL identifier");
    expect(text("spec.variables[0].expression")).toContain(
      "compilation failed: ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>'",
    );
    expect(text("spec.validations[0].expression")).toContain(
      "found no matching overload for '_+_' applied to '(int, string)'",
    );
    expect(text("spec.validations[1].expression")).toContain("must evaluate to bool");
    expect(text("spec.validations[1].reason")).toContain(
      'supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
    );
    expect(text("spec.validations[2].messageExpression")).toContain("undeclared reference to 'authorizer'");
    const mutations = await said("mutatingadmissionpolicies", {
      matchConstraints: rules(),
      mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: "Object{}" } }],
    });
    expect(mutations.map(({ field }) => field)).toEqual([
      "spec.mutations[0].jsonPatch.expression",
      "spec.reinvocationPolicy",
    ]);
    const webhook = await api.post(`${GROUP}/validatingwebhookconfigurations`, {
      metadata: { name: "wrong" },
      webhooks: [
        {
          name: "a.example.com",
          clientConfig: { url: "https://example.com" },
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
          matchConditions: [{ name: "c", expression: "... [}" }],
        },
      ],
    });
    expect(webhook.body.message).toContain("compilation failed");
  });

  it("tells in the status what the types of the objects say", async () => {
    const path = `${GROUP}/validatingadmissionpolicies`;
    const { body } = await api.post(path, {
      metadata: { name: "typed" },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] },
          ],
        },
        variables: [{ name: "spec", expression: "object.spec" }],
        validations: [
          { expression: "object.spec.replicas > '1'" },
          { expression: "variables.spec.template.spec.containers.all(c, c.image != '')" },
          { expression: "object.spec.nothing == 1" },
        ],
      },
    });
    const events = api.watch(
      `${path}?watch=1&resourceVersion=${body.metadata.resourceVersion}&fieldSelector=metadata.name=typed`,
    );
    const [event] = await take(events, 1);
    await events.return(undefined);
    expect(event?.object.status).toEqual({
      observedGeneration: 1,
      typeChecking: {
        expressionWarnings: [
          {
            fieldRef: "spec.validations[0].expression",
            warning:
              "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > '1'\n | .....................^\n",
          },
          {
            fieldRef: "spec.validations[2].expression",
            warning:
              "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'nothing'\n | object.spec.nothing == 1\n | ...........^\n",
          },
        ],
      },
    });
  });

  it("does not guard its own configuration", async () => {
    await validating("all", {
      matchConstraints: {
        resourceRules: [{ apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*"] }],
        objectSelector: {},
        excludeResourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["*"], resources: ["events"] }],
      },
      validations: [{ expression: "false" }],
    });
    expect((await configMap("none", {})).status).toBe(422);
    expect((await api.delete(`${GROUP}/validatingadmissionpolicybindings/all-binding`)).status).toBe(200);
    expect((await configMap("some", {})).status).toBe(201);
  });
});
