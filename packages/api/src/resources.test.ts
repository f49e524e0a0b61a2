import { describe, expect, it } from "vitest";
import { RESOURCES, openapiV2, openapiV3, openapiV3Index, schemaFor } from "./index.ts";

describe("RESOURCES", () => {
  it("has a schema for every kind, list and subresource body", () => {
    for (const info of RESOURCES) {
      expect(schemaFor(info), info.kind).toBeDefined();
      if (info.verbs.includes("list")) expect(schemaFor({ ...info, kind: info.listKind }), info.listKind).toBeDefined();
      for (const sub of Object.values(info.subresources)) expect(schemaFor(sub), sub.kind).toBeDefined();
    }
  });

  it("knows names a person types", () => {
    const find = (resource: string) => RESOURCES.find((info) => info.resource === resource);
    expect(find("pods")).toMatchObject({ singular: "pod", shortNames: ["po"], categories: ["all"] });
    expect(find("endpoints")?.singular).toBe("endpoints");
    expect(find("pods")?.subresources.eviction).toMatchObject({ group: "policy", version: "v1", kind: "Eviction" });
  });
});

describe("schemas", () => {
  it("are the same object each time, and recursive", () => {
    const gvk = { group: "apiextensions.k8s.io", version: "v1", kind: "JSONSchemaProps" };
    const schema = schemaFor(gvk);
    expect(schemaFor(gvk)).toBe(schema);
    const properties = schema?.kind === "struct" ? schema.fields.get("properties")?.type : undefined;
    expect(properties?.kind === "map" && properties.value).toBe(schema);
  });

  it("know kinds that live in every group, and none that live nowhere", () => {
    expect(schemaFor({ group: "apps", version: "v1", kind: "DeleteOptions" })).toBeDefined();
    expect(schemaFor({ group: "apps", version: "v1", kind: "Nonsense" })).toBeUndefined();
  });

  it("carry merge rules", () => {
    const schema = schemaFor({ group: "", version: "v1", kind: "ServiceSpec" });
    const ports = schema?.kind === "struct" ? schema.fields.get("ports") : undefined;
    expect(ports).toMatchObject({ patchMergeKey: "port", patchStrategy: ["merge"] });
    expect(ports?.type).toMatchObject({ listType: "map", mapKeys: ["port", "protocol"] });
  });
});

describe("OpenAPI", () => {
  it("has every resource's path in v2", () => {
    const paths = openapiV2().paths as Record<string, unknown>;
    expect(paths).toHaveProperty(["/api/v1/namespaces/{namespace}/pods/{name}/log"]);
    expect(paths).toHaveProperty(["/apis/apps/v1/namespaces/{namespace}/deployments"]);
  });

  it("serves each document that v3's index names, complete in its references", () => {
    for (const group of Object.keys(openapiV3Index().paths)) {
      const document = openapiV3(group);
      const schemas = (document?.components as { schemas: object } | undefined)?.schemas ?? {};
      const referred = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
        (match) => match[1],
      );
      for (const name of referred) expect(schemas, `${group} lacks ${name}`).toHaveProperty([name ?? ""]);
    }
    expect(openapiV3("apis/nowhere/v1")).toBeUndefined();
  });
});
