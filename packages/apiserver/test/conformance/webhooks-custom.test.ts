// Admission webhooks for custom resources, through changes of what is stored.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AdmissionHooks, denied, MUTATING, MUTATION_STAGES, patched, rules, VALIDATING } from "../admission-hooks.ts";
import { CRDS, define, definition, version } from "../definitions.ts";
import { Harness } from "../harness.ts";
import type { Answer, Json } from "../harness.ts";

const GROUP = "hooked.example.com";
const at = (plural: string, each = "v1"): string => `/apis/${GROUP}/${each}/namespaces/default/${plural}`;
const data = (additional: Json): Json => ({
  schema: { openAPIV3Schema: { type: "object", properties: { data: { type: "object", ...additional } } } },
});

describe("webhooks of custom resources", () => {
  let api: Harness;
  let hooks: AdmissionHooks;

  beforeAll(async () => {
    api = await Harness.start();
    hooks = await AdmissionHooks.start(api, {
      ...MUTATION_STAGES,
      "/custom": ({ object, oldObject, operation }) =>
        (operation === "DELETE" ? oldObject : object).data?.["webhook-e2e-test"] === "webhook-disallow"
          ? denied("the custom resource contains unwanted data")
          : patched(),
    });
    const free = data({ additionalProperties: { type: "string" } });
    await define(api, definition("plains", GROUP, [version("v1", free)]));
    await define(
      api,
      definition("pruneds", GROUP, [
        version(
          "v1",
          data({
            properties: { "mutation-start": { type: "string" }, "mutation-stage-1": { type: "string" } },
          }),
        ),
      ]),
    );
    await define(api, definition("movers", GROUP, [version("v1", free), version("v2", { ...free, storage: false })]));
  });
  afterAll(async () => {
    await api[Symbol.asyncDispose]();
    await hooks[Symbol.asyncDispose]();
  });
  afterEach(() => hooks.reset());

  const make = (plural: string, name: string, content: Json, each = "v1"): Promise<Answer> => {
    const kind = plural.charAt(0).toUpperCase() + plural.slice(1, -1);
    return api.post(at(plural, each), { apiVersion: `${GROUP}/${each}`, kind, metadata: { name }, data: content });
  };
  const of = (plural: string): Json => ({ rules: rules(plural, ["*"], GROUP) });

  it("deny their creation, update and deletion", async () => {
    await hooks.configure(VALIDATING, "denies", [hooks.hook("/custom", of("plains"))]);
    const unwanted = { "webhook-e2e-test": "webhook-disallow" };
    const refused = {
      code: 403,
      message: 'admission webhook "custom.example.com" denied the request: the custom resource contains unwanted data',
    };
    expect((await make("plains", "unwanted", unwanted)).body).toMatchObject(refused);
    expect((await make("plains", "good", { fine: "yes" })).status).toBe(201);
    expect((await api.patch(`${at("plains")}/good`, { data: unwanted })).body).toMatchObject(refused);
    await hooks.reset();
    expect((await api.patch(`${at("plains")}/good`, { data: unwanted })).status).toBe(200);
    await hooks.configure(VALIDATING, "denies", [hooks.hook("/custom", of("plains"))]);
    expect((await api.delete(`${at("plains")}/good`)).body).toMatchObject(refused);
    await hooks.reset();
    await api.patch(`${at("plains")}/good`, { data: { "webhook-e2e-test": "allowed" } });
    await hooks.configure(VALIDATING, "denies", [hooks.hook("/custom", of("plains"))]);
    expect((await api.delete(`${at("plains")}/good`)).status).toBe(200);
  });

  it("mutate them", async () => {
    await hooks.configure(MUTATING, "mutates", [
      hooks.hook("/stage-1", of("plains")),
      hooks.hook("/stage-2", of("plains")),
    ]);
    const { body } = await make("plains", "mutated", { "mutation-start": "yes" });
    expect(body.data).toEqual({ "mutation-start": "yes", "mutation-stage-1": "yes", "mutation-stage-2": "yes" });
    expect((await api.get(`${at("plains")}/mutated`)).body.data).toEqual(body.data);
  });

  it("add nothing that the schema does not know", async () => {
    await hooks.configure(MUTATING, "mutates", [
      hooks.hook("/stage-1", of("pruneds")),
      hooks.hook("/stage-2", of("pruneds")),
    ]);
    const { body } = await make("pruneds", "pruned", { "mutation-start": "yes" });
    expect(body.data).toEqual({ "mutation-start": "yes", "mutation-stage-1": "yes" });
  });

  it("go on when another version is stored", async () => {
    await hooks.configure(MUTATING, "mutates", [
      hooks.hook("/stage-1", of("movers")),
      hooks.hook("/stage-2", of("movers")),
    ]);
    expect((await make("movers", "moved", { "mutation-start": "no" })).body.data).toEqual({ "mutation-start": "no" });
    const { body: crd } = await api.get(`${CRDS}/movers.${GROUP}`);
    for (const each of crd.spec.versions) each.storage = each.name === "v2";
    expect((await api.patch(`${CRDS}/movers.${GROUP}`, { spec: { versions: crd.spec.versions } })).status).toBe(200);
    await expect
      .poll(async () => (await api.get(`${CRDS}/movers.${GROUP}`)).body.status.storedVersions)
      .toEqual(["v1", "v2"]);
    for (const each of ["v1", "v2"]) {
      const { status, body } = await api.patch(`${at("movers", each)}/moved`, {
        data: { "mutation-start": "yes", [each]: "yes" },
      });
      expect([status, body.apiVersion]).toEqual([200, `${GROUP}/${each}`]);
      expect(body.data).toMatchObject({ [each]: "yes", "mutation-stage-1": "yes", "mutation-stage-2": "yes" });
    }
    expect((await make("movers", "new", { "mutation-start": "yes" }, "v2")).body.data).toMatchObject({
      "mutation-stage-2": "yes",
    });
  });
});
