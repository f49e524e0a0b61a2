import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness, take } from "./harness.ts";
import type { Json } from "./harness.ts";

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

function definition(plural: string, spec: Json, extra: Json = {}): Json {
  const kind = plural.charAt(0).toUpperCase() + plural.slice(1, -1);
  return {
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural, singular: plural.slice(0, -1), kind },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: "object", properties: { spec, status: STATUS }, ...extra } },
        },
      ],
    },
  };
}

const STATUS = {
  type: "object",
  properties: { phase: { type: "string", maxLength: 20 } },
  "x-kubernetes-validations": [{ rule: "self.phase != 'Broken'", message: "must not break" }],
};
const INT = { type: "integer" };
const TEXT = { type: "string", maxLength: 30 };

describe("rules of custom resources", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  async function define(crd: Json): Promise<string> {
    const { status, body } = await api.post(CRDS, crd);
    expect(body.message).toBeUndefined();
    expect(status).toBe(201);
    const events = api.watch(`${CRDS}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
    await take(events, 1);
    await events.return(undefined);
    return `/apis/example.com/v1/namespaces/default/${crd.spec.names.plural}`;
  }

  const make = (kind: string, name: string, spec: Json, more: Json = {}): Json => ({
    apiVersion: "example.com/v1",
    kind,
    metadata: { name },
    spec,
    ...more,
  });

  it("refuses definitions whose rules do not compile, with upstream's texts", async () => {
    const { status, body } = await api.post(
      CRDS,
      definition("wrongs", {
        type: "object",
        properties: { a: INT, b: TEXT },
        "x-kubernetes-validations": [
          { rule: "self.a + self.b == 1" },
          { rule: "self.a" },
          { rule: "self.c > 1", message: "x" },
          { rule: "self.a > 1", messageExpression: "self.a" },
          { rule: "self.a > 1", optionalOldSelf: true },
        ],
      }),
    );
    expect(status).toBe(422);
    const at = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations";
    const said = (i: number): Json => body.details.causes.filter(({ field }: Json) => field.startsWith(`${at}[${i}]`));
    expect(said(0)).toMatchObject([
      {
        field: `${at}[0].rule`,
        reason: "FieldValueInvalid",
        message:
          'Invalid value: apiextensions.ValidationRule{Rule:"self.a + self.b == 1", Message:"", MessageExpression:"", Reason:(*apiextensions.FieldValueErrorReason)(nil), FieldPath:"", OptionalOldSelf:(*bool)(nil)}: compilation failed: ' +
          "ERROR: <input>:1:8: found no matching overload for '_+_' applied to '(int, string)'\n | self.a + self.b == 1\n | .......^",
      },
    ]);
    expect(said(1)[0].message).toContain("cel expression must evaluate to a bool");
    expect(said(2)[0].message).toContain("undefined field 'c'");
    expect(said(3)[0]).toMatchObject({ field: `${at}[3].messageExpression` });
    expect(said(3)[0].message).toContain("messageExpression must evaluate to a string");
    expect(said(4)[0].message).toContain("may not be set if oldSelf is not used in rule");
  });

  it("bounds what rules may cost", async () => {
    const list = (bounds: Json): Json => ({
      type: "object",
      properties: { items: { type: "array", ...bounds, items: { type: "string" } } },
      "x-kubernetes-validations": [{ rule: "self.items.all(x, self.items.all(y, x == y))" }],
    });
    const { body } = await api.post(CRDS, definition("costs", list({})));
    expect(body.message).toContain(
      "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)",
    );
    expect(body.message).toContain(
      "spec.validation.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule & messageExpression cost total for entire OpenAPIv3 schema exceeds budget",
    );
    await define(
      definition("bounds", {
        ...list({ maxItems: 10 }),
        properties: { items: { type: "array", maxItems: 10, items: TEXT } },
      }),
    );
  });

  it("refuses oldSelf where there is no old value to speak of", async () => {
    const crd = definition("olds", {
      type: "object",
      properties: {
        items: {
          type: "array",
          maxItems: 5,
          items: { ...INT, "x-kubernetes-validations": [{ rule: "self >= oldSelf" }] },
        },
      },
    });
    expect((await api.post(CRDS, crd)).body.message).toContain(
      'x-kubernetes-validations[0].rule: Invalid value: "self >= oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[spec].properties[items]',
    );
  });

  it("evaluates rules on create, update and status", async () => {
    const path = await define(
      definition(
        "widgets",
        {
          type: "object",
          required: ["min", "max"],
          properties: {
            min: INT,
            max: INT,
            fixed: { ...TEXT, "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "is immutable" }] },
            set: { type: "array", maxItems: 5, "x-kubernetes-list-type": "set", items: TEXT },
            namespace: TEXT,
            ports: {
              type: "array",
              maxItems: 5,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": ["name"],
              items: {
                type: "object",
                required: ["name"],
                properties: { name: TEXT, port: INT },
                "x-kubernetes-validations": [{ rule: "!has(oldSelf.port) || self.port >= oldSelf.port" }],
              },
            },
            amount: { "x-kubernetes-int-or-string": true },
            when: { type: "string", format: "date-time" },
          },
          "x-kubernetes-validations": [
            {
              rule: "self.min <= self.max",
              messageExpression: "'min is %d, max only %d'.format([self.min, self.max])",
              fieldPath: ".min",
            },
            {
              rule: "!has(self.__namespace__) || self.__namespace__ != 'x'",
              reason: "FieldValueForbidden",
              message: "not there",
            },
            {
              rule: "!has(self.set) || oldSelf.optMap(o, !has(o.set) || o.set == self.set || o.set + ['new'] == self.set).orValue(true)",
              optionalOldSelf: true,
            },
            { rule: "!has(self.amount) || type(self.amount) == string || self.amount < 5" },
            { rule: "!has(self.when) || self.when > timestamp('2020-01-01T00:00:00Z')" },
          ],
        },
        { "x-kubernetes-validations": [{ rule: "self.metadata.name.startsWith('w')", message: "begin with w" }] },
      ),
    );
    const refused = async (spec: Json, name = "w1"): Promise<string> => {
      const { status, body } = await api.post(path, make("Widget", name, spec));
      expect(status).toBe(422);
      return body.message;
    };
    expect(await refused({ min: 3, max: 2 })).toBe(
      'Widget.example.com "w1" is invalid: spec.min: Invalid value: "object": min is 3, max only 2',
    );
    expect(await refused({ min: 1, max: 2, namespace: "x" })).toContain("spec: Forbidden: not there");
    expect(await refused({ min: 1, max: 2 }, "x1")).toContain('<nil>: Invalid value: "object": begin with w');
    expect(await refused({ min: 1, max: 2, amount: 7 })).toContain("failed rule: !has(self.amount)");
    expect(await refused({ min: 1, max: 2, when: "2010-01-01T00:00:00Z" })).toContain("failed rule: !has(self.when)");
    expect(await refused({ min: "1" })).toContain(
      "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
    );
    const spec = { min: 1, max: 2, fixed: "a", set: ["b", "a"], ports: [{ name: "x", port: 5 }], amount: "7%" };
    expect((await api.post(path, make("Widget", "w1", spec))).status).toBe(201);
    const patched = async (patch: Json): Promise<Json> => (await api.patch(`${path}/w1`, { spec: patch })).body;
    expect((await patched({ fixed: "b" })).message).toBe(
      'Widget.example.com "w1" is invalid: spec.fixed: Invalid value: "string": is immutable',
    );
    expect(
      (
        await patched({
          ports: [
            { name: "y", port: 1 },
            { name: "x", port: 4 },
          ],
        })
      ).message,
    ).toContain('spec.ports[1]: Invalid value: "object": failed rule');
    expect((await patched({ set: ["a", "c"] })).message).toContain("failed rule: !has(self.set)");
    expect((await patched({ set: ["new", "a", "b"] })).spec.set).toEqual(["new", "a", "b"]);
    const status = await api.patch(`${path}/w1/status`, { status: { phase: "Broken" } });
    expect(status.body.message).toBe(
      'Widget.example.com "w1" is invalid: status: Invalid value: "object": must not break',
    );
  });

  it("stops at the cost limit of a call", async () => {
    const path = await define(
      definition("slows", {
        type: "object",
        properties: { items: { type: "array", maxItems: 50, items: TEXT } },
        "x-kubernetes-validations": [
          { rule: "self.items.all(a, self.items.all(b, self.items.all(c, a + b + c != 'x')))" },
        ],
      }),
    );
    const { body } = await api.post(
      path,
      make("Slow", "s", { items: Array.from({ length: 50 }, (_, i) => `item-${i}`) }),
    );
    expect(body.message).toContain(
      "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.items.all",
    );
  });

  it("lets be what an update did not change", async () => {
    const spec = (more: Json): Json => ({
      type: "object",
      properties: { a: { type: "object", properties: { n: INT }, ...more }, b: TEXT, c: { ...TEXT, ...more } },
    });
    const crd = definition("ratchets", spec({}));
    const path = await define(crd);
    await api.post(path, make("Ratchet", "r", { a: { n: 1 }, b: "x", c: "long enough" }));
    crd.spec.versions[0].schema.openAPIV3Schema.properties.spec = {
      type: "object",
      properties: {
        a: {
          type: "object",
          properties: { n: INT },
          "x-kubernetes-validations": [{ rule: "self.n > 5", message: "too small" }],
        },
        b: TEXT,
        c: { type: "string", maxLength: 3 },
      },
    };
    const changed = await api.patch(`${CRDS}/ratchets.example.com`, { spec: crd.spec });
    expect(changed.status).toBe(200);
    let answer = await api.post(path, make("Ratchet", "r2", { a: { n: 1 } }));
    for (let i = 0; i < 100 && answer.status === 201; i++)
      answer = await api.post(path, make("Ratchet", `r-${i}`, { a: { n: 1 } }));
    expect(answer.body.message).toContain('spec.a: Invalid value: "object": too small');
    const kept = await api.patch(`${path}/r`, { spec: { b: "y" } });
    expect(kept.status).toBe(200);
    expect(kept.headers["warning"]).toContain("too small");
    const bad = await api.patch(`${path}/r`, { spec: { a: { n: 2 }, c: "also long" } });
    expect(bad.body.details.causes.map(({ field }: Json) => field)).toEqual(expect.arrayContaining(["spec.c"]));
    expect((await api.patch(`${path}/r`, { spec: { a: { n: 2 } } })).body.message).toContain("too small");
  });

  it("refuses schemas that are not structural", async () => {
    const at = "spec.validation.openAPIV3Schema.properties[spec]";
    const said = async (spec: Json): Promise<string> => (await api.post(CRDS, definition("shapes", spec))).body.message;
    expect(await said({ properties: { a: INT } })).toContain(
      `${at}.type: Required value: must not be empty for specified object fields`,
    );
    expect(await said({ type: "array" })).toContain(`${at}.items: Required value: must be specified`);
    expect(await said({ type: "object", properties: { a: INT }, additionalProperties: INT })).toContain(
      `${at}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
    );
    expect(await said({ type: "object", anyOf: [{ properties: { b: { minimum: 1 } } }] })).toContain(
      `${at}.properties[b]: Required value: because it is defined in ${at}.anyOf[0].properties[b]`,
    );
    expect(await said({ type: "object", properties: { a: { ...INT, default: "x" } } })).toContain(
      `${at}.properties[a].default: Invalid value`,
    );
  });

  it("takes no new objects while the definition goes", async () => {
    const path = await define(definition("leavings", { type: "object", properties: { a: INT } }));
    await api.post(path, {
      ...make("Leaving", "stays", {}),
      metadata: { name: "stays", finalizers: ["example.com/wait"] },
    });
    const { body } = await api.delete(`${CRDS}/leavings.example.com`);
    const events = api.watch(
      `${CRDS}?watch=1&resourceVersion=${body.metadata?.resourceVersion ?? ""}&fieldSelector=metadata.name=leavings.example.com`,
    );
    for await (const { object } of events) {
      if (object.status.conditions.some(({ type, status }: Json) => type === "Terminating" && status === "True")) break;
    }
    expect((await api.post(path, make("Leaving", "late", {}))).body).toMatchObject({
      code: 405,
      message: "create not allowed while custom resource definition is terminating",
    });
    expect((await api.patch(`${path}/stays`, { metadata: { finalizers: null } })).status).toBe(200);
  });

  it("serves versions with schemas of their own", async () => {
    const crd = definition("versions", { type: "object", properties: { a: { ...INT, default: 1 } } });
    crd.spec.versions.push({
      ...structuredClone(crd.spec.versions[0]),
      name: "v2",
      storage: false,
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: {
            spec: {
              type: "object",
              properties: { a: INT, b: { ...TEXT, default: "x" } },
              "x-kubernetes-validations": [{ rule: "!has(self.a) || self.a < 5", message: "small only" }],
            },
          },
        },
      },
    });
    const path = await define(crd);
    const second = path.replace("/v1/", "/v2/");
    expect((await api.post(path, make("Version", "one", { a: 7 }))).status).toBe(201);
    expect((await api.get(`${second}/one`)).body.spec).toEqual({ a: 7, b: "x" });
    const refused = await api.post(second, { ...make("Version", "two", { a: 7 }), apiVersion: "example.com/v2" });
    expect(refused.body.message).toContain("small only");
  });

  it("wants an approval for the project's own groups", async () => {
    const crd = definition("gates", { type: "object" });
    crd.spec.group = "gates.k8s.io";
    crd.metadata.name = "gates.gates.k8s.io";
    expect((await api.post(CRDS, crd)).body.message).toContain(
      'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
    );
    crd.metadata.annotations = { "api-approved.kubernetes.io": "unapproved, a test" };
    const { body } = await api.post(CRDS, crd);
    const events = api.watch(`${CRDS}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
    const [event] = await take(events, 1);
    await events.return(undefined);
    expect(event?.object.status.conditions).toContainEqual(
      expect.objectContaining({
        type: "KubernetesAPIApprovalPolicyConformant",
        status: "False",
        reason: "UnapprovedAnnotation",
      }),
    );
  });

  it("checks the rules inside of allOf when the definition is written", async () => {
    const spec = (rule: string, message = "no"): Json => ({
      type: "object",
      properties: { n: INT, list: { type: "array", maxItems: 3, items: INT } },
      allOf: [
        { "x-kubernetes-validations": [{ rule: "self.n > 0" }] },
        { properties: { n: { "x-kubernetes-validations": [{ rule, message }] } } },
      ],
    });
    const refused = await api.post(CRDS, definition("nested", spec("self.nothing > 1")));
    expect(refused.status).toBe(422);
    expect(refused.body.details.causes).toEqual([
      expect.objectContaining({
        field:
          "spec.validation.openAPIV3Schema.properties[spec].allOf[1].properties[n].x-kubernetes-validations[0].rule",
        message: expect.stringContaining("compilation failed"),
      }),
    ]);
    const path = await define(definition("inners", spec("self < 5", "too large")));
    expect((await api.post(path, make("Inner", "good", { n: 1 }))).status).toBe(201);
    const bad = await api.post(path, make("Inner", "bad", { n: 7 }));
    expect(bad.body.message).toContain("too large");
  });
});
