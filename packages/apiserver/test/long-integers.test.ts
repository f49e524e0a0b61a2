// Custom resources keep integers of 64 bits, on every way into and out of the server.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { define, definition, version } from "./definitions.ts";
import { Harness } from "./harness.ts";
import type { Answer } from "./harness.ts";

const MAX = "9223372036854775807";
const ODD = "-9007199254740993";
const GAUGES = "/apis/example.com/v1/namespaces/default/gauges";

let api: Harness;
beforeAll(async () => {
  api = await Harness.start();
  const integer = { type: "integer" };
  const openAPIV3Schema = {
    type: "object",
    properties: {
      spec: {
        type: "object",
        "x-kubernetes-preserve-unknown-fields": true,
        properties: {
          high: { ...integer, format: "int64", minimum: 9007199254740992 },
          low: { ...integer, maximum: 0 },
          ratio: { type: "number" },
          port: { "x-kubernetes-int-or-string": true },
          members: { type: "array", maxItems: 9, items: integer, "x-kubernetes-list-type": "set" },
        },
        "x-kubernetes-validations": [
          { rule: "!has(self.high) || self.high != 9223372036854775806", message: "high must be odd" },
        ],
      },
    },
  };
  const columns = [{ name: "High", type: "integer", jsonPath: ".spec.high" }];
  const v1 = version("v1", { schema: { openAPIV3Schema }, additionalPrinterColumns: columns });
  await define(api, definition("gauges", "example.com", [v1]));
});
afterAll(() => api[Symbol.asyncDispose]());

const gauge = (name: string, spec: string): string =>
  `{"apiVersion":"example.com/v1","kind":"Gauge","metadata":{"name":"${name}"},"spec":${spec}}`;

async function send(method: string, path: string, body: string, type = "application/json"): Promise<Answer> {
  const answer = await api.request(method, path, Buffer.from(body), { "content-type": type });
  expect(answer.body.message).toBeUndefined();
  return answer;
}

/** The spec as it is written on the wire, keys in the order they are there. */
async function specText(name: string): Promise<string> {
  const { text } = await api.get(`${GAUGES}/${name}`);
  return /"spec":(\{.*\})\}/.exec(text)?.[1] ?? text;
}

describe("long integers in custom resources", () => {
  it("are kept when created, replaced and patched", async () => {
    const spec = `{"deep":{"list":[${MAX},${ODD}]},"high":${MAX},"low":${ODD},"port":${MAX},"ratio":${MAX}}`;
    await send("POST", GAUGES, gauge("written", spec));
    expect(await specText("written")).toBe(spec);
    await send("PATCH", `${GAUGES}/written`, '{"metadata":{"labels":{"a":"b"}}}', "application/merge-patch+json");
    expect(await specText("written")).toBe(spec);
    await send("PATCH", `${GAUGES}/written`, `{"spec":{"high":9007199254740995}}`, "application/merge-patch+json");
    const operations = `[{"op":"test","path":"/spec/low","value":${ODD}},{"op":"replace","path":"/spec/port","value":9007199254740997}]`;
    await send("PATCH", `${GAUGES}/written`, operations, "application/json-patch+json");
    const patched = spec
      .replace(`"high":${MAX}`, '"high":9007199254740995')
      .replace(`"port":${MAX}`, '"port":9007199254740997');
    expect(await specText("written")).toBe(patched);
    const { metadata } = (await api.get(`${GAUGES}/written`)).body;
    const version = `"name":"written","resourceVersion":"${metadata.resourceVersion}"`;
    await send("PUT", `${GAUGES}/written`, gauge("written", spec).replace('"name":"written"', version));
    expect(await specText("written")).toBe(spec);
  });

  it("change nothing when written again", async () => {
    const before = await send("POST", GAUGES, gauge("still", `{"high":${MAX}}`));
    const after = await send("PATCH", `${GAUGES}/still`, `{"spec":{"high":${MAX}}}`, "application/merge-patch+json");
    expect(after.body.metadata.resourceVersion).toBe(before.body.metadata.resourceVersion);
  });

  it("are kept in YAML and in server-side apply, as members of sets, too", async () => {
    const yaml = (members: string): string =>
      `apiVersion: example.com/v1\nkind: Gauge\nmetadata: {name: applied}\nspec: {high: ${MAX}, members: [${members}]}\n`;
    await send("POST", GAUGES, yaml(`1, ${ODD}`), "application/yaml");
    const apply = (manager: string, members: string): Promise<Answer> =>
      send("PATCH", `${GAUGES}/applied?fieldManager=${manager}`, yaml(members), "application/apply-patch+yaml");
    await apply("one", MAX);
    await apply("one", "9223372036854775805");
    expect(await specText("applied")).toBe(`{"high":${MAX},"members":[1,${ODD},9223372036854775805]}`);
    const { text } = await api.request("GET", `${GAUGES}/applied`, undefined, { accept: "application/yaml" });
    expect(text).toContain(`high: ${MAX}`);
  });

  it("are validated exactly", async () => {
    const tried = async (spec: string): Promise<string> => {
      const answer = await api.request("POST", `${GAUGES}?dryRun=All`, Buffer.from(gauge("bad", spec)), {
        "content-type": "application/json",
      });
      expect(answer.status).toBe(422);
      return answer.body.message;
    };
    expect(await tried('{"high":9223372036854775806}')).toContain("high must be odd");
    expect(await tried(`{"high":${ODD}}`)).toContain(
      `spec.high: Invalid value: ${ODD}: spec.high in body should be greater than or equal to 9007199254740992`,
    );
    expect(await tried(`{"low":${MAX}}`)).toContain("should be less than or equal to 0");
    expect(await tried(`{"members":[${MAX},${MAX}]}`)).toContain("Duplicate value");
    expect(await tried(`{"members":"${MAX}"}`)).toContain("must be of type array");
  });

  it("are shown in tables", async () => {
    await send("POST", GAUGES, gauge("shown", `{"high":${MAX}}`));
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const { text } = await api.request("GET", `${GAUGES}/shown`, undefined, { accept });
    expect(text).toContain(`"cells":["shown",${MAX}]`);
  });
});
