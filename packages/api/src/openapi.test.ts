// Our OpenAPI document beside upstream's of the same level: reference/ holds a digest of each of its definitions and operations,
// texts left out, made by generator/openapi-digest.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digests, type Digests, type OpenApiDocument } from "./generator/openapi-digest.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, path), "utf8"));
const reference = read("../reference/openapi-v2.digests.json") as Digests;
const ours = digests(read("generated/openapi/v2.json") as OpenApiDocument);

/** What upstream publishes for groups that have no stable version, and for what is off by default. */
const NOT_OURS = new Set([
  "get /apis/internal.apiserver.k8s.io/",
  "get /apis/storagemigration.k8s.io/",
  "io.k8s.apimachinery.pkg.apis.meta.v1.GroupResource",
  "get /logs/",
  "get /logs/{logpath}",
]);

/** What metrics.k8s.io adds, which upstream has from a server of its own. */
const ONLY_OURS = new Set(["io.k8s.apimachinery.pkg.apis.meta.v1.Duration"]);

describe.each(["definitions", "operations"] as const)("%s", (part) => {
  const wanted = Object.entries(reference[part]).filter(([name]) => !NOT_OURS.has(name));
  const same = wanted.filter(([name, digest]) => ours[part][name] === digest);

  test(`agree with the reference in every mark: ${((100 * same.length) / wanted.length).toFixed(2)} % of ${wanted.length}`, () => {
    expect(wanted.map(([name]) => name).filter((name) => !(name in ours[part]))).toEqual([]);
    expect(wanted.flatMap(([name, digest]) => (ours[part][name] === digest ? [] : [name]))).toEqual([]);
  });

  test("are no others", () => {
    const others = Object.keys(ours[part]).filter((name) => !(name in reference[part]) && !ONLY_OURS.has(name));
    expect(others).toEqual([]);
  });
});

test("version 3 says of values that may be of two types that they may", () => {
  const core = read("generated/openapi/v3/api__v1.json") as { components: { schemas: Record<string, object> } };
  const { schemas } = core.components;
  const number = { oneOf: [{ type: "string" }, { type: "number" }] };
  const port = { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] };
  for (const [name, expected] of [
    ["io.k8s.apimachinery.pkg.api.resource.Quantity", number],
    ["io.k8s.apimachinery.pkg.util.intstr.IntOrString", port],
  ] as const) {
    expect(schemas[name]).toMatchObject(expected);
    expect(schemas[name]).not.toHaveProperty("type");
  }
});
