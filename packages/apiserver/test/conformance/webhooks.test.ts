// Admission webhooks for built-in objects: configurations come, change and go, and requests follow them at once.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AdmissionHooks, denied, MUTATING, MUTATION_STAGES, patched, rules, VALIDATING } from "../admission-hooks.ts";
import { CRDS, definition, version } from "../definitions.ts";
import { Harness } from "../harness.ts";
import type { Answer, Json } from "../harness.ts";

const NS = "/api/v1/namespaces/default";
const LABEL = { suite: "webhooks" };
const SELECTED = "labelSelector=suite%3Dwebhooks";

const offending = (object: Json): boolean => object?.data?.["webhook-e2e-test"] === "webhook-disallow";

describe("admission webhooks", () => {
  let api: Harness;
  let hooks: AdmissionHooks;
  let count = 0;
  let arrived: () => void = () => undefined;
  let slow: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    api = await Harness.start();
    hooks = await AdmissionHooks.start(api, {
      "/deny": () => denied("denied by a test"),
      ...MUTATION_STAGES,
      "/add-label": ({ object }) =>
        patched({ op: "add", path: "/metadata/labels", value: { ...object?.metadata.labels, mutated: "yes" } }),
      "/maps": ({ object }) =>
        offending(object) ? denied("the configmap contains unwanted key and value") : patched(),
      "/pods": ({ object }) =>
        object.metadata.labels?.["webhook-e2e-test"] === "webhook-disallow"
          ? denied("the pod contains unwanted label")
          : patched(),
      "/hang": ({ object }) =>
        object.metadata.name.startsWith("hang") ? new Promise<never>(() => undefined) : patched(),
      "/attach": ({ object, name }) => denied(`attaching to pod '${name}' is not allowed (${object.kind})`),
      "/slow": async () => {
        arrived();
        await slow;
        return patched();
      },
    });
  });
  afterAll(async () => {
    await api[Symbol.asyncDispose]();
    await hooks[Symbol.asyncDispose]();
  });
  afterEach(() => hooks.reset());

  const map = (data: Json = {}, at = NS, name = `map-${++count}`): Promise<Answer> =>
    api.post(`${at}/configmaps`, { metadata: { name }, data });
  const pod = (name: string, labels: Json = {}): Promise<Answer> =>
    api.post(`${NS}/pods`, { metadata: { name, labels }, spec: { containers: [{ name: "c", image: "i" }] } });
  const replace = (path: string, name: string, change: (webhook: Json) => void): Promise<Answer> =>
    api.get(`${path}/${name}`).then(({ body }) => {
      for (const webhook of body.webhooks) change(webhook);
      return api.put(`${path}/${name}`, body);
    });

  describe.each([
    ["mutating", MUTATING],
    ["validating", VALIDATING],
  ])("of the %s kind", (kind, path) => {
    /** Whether a configured webhook had its effect on a new ConfigMap. */
    const effective = async (): Promise<boolean> => {
      const { status, body } = await map({ "mutation-start": "yes" });
      if (kind === "validating") return status === 403 && body.message.includes("denied by a test");
      expect(status).toBe(201);
      return body.data["mutation-stage-1"] === "yes";
    };
    const hook = (more: Json = {}): Json => hooks.hook(kind === "mutating" ? "/stage-1" : "/deny", more);

    it("are listed by label, take effect, and none does after they are deleted together", async () => {
      await hooks.configure(path, "other", [hook({ rules: rules("secrets") })]);
      for (let i = 0; i < 10; i++) await hooks.configure(path, `listed-${i}`, [hook()], LABEL);
      expect((await api.get(`${path}?${SELECTED}`)).body.items).toHaveLength(10);
      expect(await effective()).toBe(true);
      expect((await api.delete(`${path}?${SELECTED}`)).status).toBe(200);
      expect((await api.get(path)).body.items.map(({ metadata }: Json) => metadata.name)).toEqual(["other"]);
      expect(await effective()).toBe(false);
    });

    it("follow their rules as these are updated and patched", async () => {
      await hooks.configure(path, "changes", [hook()]);
      expect(await effective()).toBe(true);
      const updated = await replace(path, "changes", (webhook) => {
        webhook.rules[0].operations = ["UPDATE"];
      });
      expect(updated.status).toBe(200);
      expect(await effective()).toBe(false);
      const operations = [{ op: "replace", path: "/webhooks/0/rules/0/operations", value: ["CREATE"] }];
      expect((await api.patch(`${path}/changes`, operations, "application/json-patch+json")).status).toBe(200);
      expect(await effective()).toBe(true);
    });

    it("keep their match conditions as written and as updated", async () => {
      const first = [{ name: "expression-1", expression: "object.metadata.namespace == 'production'" }];
      const second = [...first, { name: "expression-2", expression: "object.metadata.namespace == 'staging'" }];
      const created = await hooks.configure(path, "conditions", [hook({ matchConditions: first })]);
      expect(created.webhooks[0].matchConditions).toEqual(first);
      await replace(path, "conditions", (webhook) => {
        webhook.matchConditions = second;
      });
      expect((await api.get(`${path}/conditions`)).body.webhooks[0].matchConditions).toEqual(second);
      expect(await effective()).toBe(false);
    });

    it("are refused with match conditions that do not compile", async () => {
      const matchConditions = [{ name: "invalid-expression-1", expression: "... [] bad expression" }];
      const { status, body } = await api.post(path, {
        metadata: { name: "invalid" },
        webhooks: [hook({ matchConditions })],
      });
      expect([status, body.reason]).toEqual([422, "Invalid"]);
      expect(body.message).toContain("compilation failed");
      expect(body.details.causes.map(({ field }: Json) => field)).toContain(
        "webhooks[0].matchConditions[0].expression",
      );
    });
  });

  it("mutate in the order of their names, each on what the one before made", async () => {
    await hooks.configure(MUTATING, "ordered", [hooks.hook("/stage-1"), hooks.hook("/stage-2")]);
    const { body } = await map({ "mutation-start": "yes" });
    expect(body.data).toEqual({ "mutation-start": "yes", "mutation-stage-1": "yes", "mutation-stage-2": "yes" });
    expect((await map({ other: "yes" })).body.data).toEqual({ other: "yes" });
  });

  it("leave alone the objects that a match condition excludes", async () => {
    const matchConditions = [{ name: "skip-me", expression: 'object.metadata.name != "skip-me"' }];
    await hooks.configure(MUTATING, "but-one", [hooks.hook("/stage-1", { matchConditions })]);
    expect((await map({ "mutation-start": "yes" }, NS, "skip-me")).body.data).toEqual({ "mutation-start": "yes" });
    expect((await map({ "mutation-start": "yes" })).body.data).toMatchObject({ "mutation-stage-1": "yes" });
  });

  it("deny pods and ConfigMaps, new, updated or patched, hang without harm, and spare exempt namespaces", async () => {
    const namespaceSelector = {
      matchExpressions: [{ key: "skip-webhook-admission", operator: "NotIn", values: ["yes"] }],
    };
    await hooks.configure(VALIDATING, "denies", [
      hooks.hook("/pods", { rules: rules("pods", ["CREATE"]), namespaceSelector }),
      hooks.hook("/hang", { rules: rules("pods", ["CREATE"]), namespaceSelector, timeoutSeconds: 1 }),
      hooks.hook("/maps", { rules: rules("configmaps", ["CREATE", "UPDATE", "DELETE"]), namespaceSelector }),
    ]);
    const disallowed = { "webhook-e2e-test": "webhook-disallow" };
    const said = (webhook: string, why: string): Json => ({
      code: 403,
      message: `admission webhook "${webhook}.example.com" denied the request: ${why}`,
    });
    expect((await pod("unwanted", disallowed)).body).toMatchObject(said("pods", "the pod contains unwanted label"));
    expect((await pod("wanted")).status).toBe(201);
    const hung = await pod("hangs");
    expect(hung.body.message).toMatch(/failed calling webhook "hang\.example\.com".*context deadline exceeded/);
    expect((await api.get(`${NS}/pods/hangs`)).status).toBe(404);

    const maps = said("maps", "the configmap contains unwanted key and value");
    expect((await map(disallowed)).body).toMatchObject(maps);
    const { body: good } = await map({ admit: "this" }, NS, "compliant");
    expect((await api.put(`${NS}/configmaps/compliant`, { ...good, data: disallowed })).body).toMatchObject(maps);
    expect((await api.patch(`${NS}/configmaps/compliant`, { data: disallowed })).body).toMatchObject(maps);
    expect((await api.get(`${NS}/configmaps/compliant`)).body.data).toEqual({ admit: "this" });

    await api.post("/api/v1/namespaces", { metadata: { name: "exempt", labels: { "skip-webhook-admission": "yes" } } });
    expect((await map(disallowed, "/api/v1/namespaces/exempt")).status).toBe(201);
  });

  it("deny attaching to a pod", async () => {
    await pod("attached");
    await hooks.configure(VALIDATING, "attach", [hooks.hook("/attach", { rules: rules("pods/attach", ["CONNECT"]) })]);
    const { body } = await api.post(`${NS}/pods/attached/attach?stdin=true&stdout=true`, "");
    expect(body).toMatchObject({
      code: 403,
      message: expect.stringContaining("attaching to pod 'attached' is not allowed (PodAttachOptions)"),
    });
  });

  it("deny definitions of custom resources", async () => {
    await hooks.configure(VALIDATING, "definitions", [
      hooks.hook("/deny", { rules: rules("customresourcedefinitions", ["CREATE"], "apiextensions.k8s.io") }),
    ]);
    const { body } = await api.post(CRDS, definition("unwanteds", "denied.example.com", [version("v1")]));
    expect(body).toMatchObject({ code: 403, message: expect.stringContaining("denied by a test") });
    expect((await api.get(`${CRDS}/unwanteds.denied.example.com`)).status).toBe(404);
  });

  it("are waited for as long as they say, ten seconds by themselves", async () => {
    for (const [timeoutSeconds, asked] of [
      [undefined, "10s"],
      [30, "30s"],
    ] as const) {
      const more = timeoutSeconds === undefined ? {} : { timeoutSeconds };
      const { webhooks } = await hooks.configure(VALIDATING, "slow", [hooks.hook("/slow", more)]);
      expect(webhooks[0].timeoutSeconds).toBe(timeoutSeconds ?? 10);
      const come = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      let release: () => void = () => undefined;
      slow = new Promise<void>((resolve) => {
        release = resolve;
      });
      const creating = map();
      await come;
      release();
      expect((await creating).status).toBe(201);
      expect(hooks.remote.requests.at(-1)?.url).toBe(`/slow?timeout=${asked}`);
      await hooks.reset();
    }
  });

  it("neither change nor keep anybody from deleting webhook configurations", async () => {
    const all = rules("*webhookconfigurations", ["*"], "admissionregistration.k8s.io").map((rule) => ({
      ...rule,
      resources: ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
    }));
    await hooks.configure(VALIDATING, "a-denier", [hooks.hook("/deny", { rules: all })]);
    await hooks.configure(MUTATING, "a-labeller", [hooks.hook("/add-label", { rules: all })]);
    for (const path of [MUTATING, VALIDATING]) {
      const made = await hooks.configure(path, "dummy", [hooks.hook("/deny", { rules: rules("nothings") })]);
      expect(made.metadata.labels?.mutated).toBeUndefined();
      expect((await api.delete(`${path}/dummy`)).status).toBe(200);
      expect((await api.get(`${path}/dummy`)).status).toBe(404);
    }
    expect(hooks.remote.requests).toHaveLength(0);
  });

  it("that cannot be called deny everything where they fail closed", async () => {
    const closed = hooks.hook("/maps", { failurePolicy: "Fail" });
    delete closed.clientConfig.caBundle;
    await api.post("/api/v1/namespaces", { metadata: { name: "closed", labels: { closed: "yes" } } });
    const at = "/api/v1/namespaces/closed";
    expect((await map({}, at, "before")).status).toBe(201);
    const namespaceSelector = { matchLabels: { closed: "yes" } };
    await hooks.configure(VALIDATING, "closed", [{ ...closed, namespaceSelector }]);
    const failed = { code: 500, reason: "InternalError", message: expect.stringContaining("failed calling webhook") };
    expect((await map({}, at)).body).toMatchObject(failed);
    expect((await api.patch(`${at}/configmaps/before`, { data: { a: "b" } })).body).toMatchObject(failed);
    expect((await api.delete(`${at}/configmaps/before`)).body).toMatchObject(failed);
    expect((await map()).status).toBe(201);
  });
});
