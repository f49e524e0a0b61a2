import { expect, test } from "vitest";
import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { customOpenApi } from "./custom-openapi.ts";
import type { CustomVersion } from "./definition.ts";

interface Schema {
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

function publish(schema: JSONSchemaProps): { v2: Schema; v3: Schema } {
  const info = { group: "example.com", version: "v1", kind: "Tab", listKind: "TabList", resource: "tabs" };
  const version = { info: { ...info, namespaced: true, subresources: {} }, schema } as unknown as CustomVersion;
  const source = customOpenApi(() => [version]);
  const v3 = source.v3().get("apis/example.com/v1") as { components: { schemas: Record<string, Schema> } };
  const { definitions } = source.v2() as { definitions: Record<string, Schema> };
  return { v2: definitions["com.example.v1.Tab"] ?? {}, v3: v3.components.schemas["com.example.v1.Tab"] ?? {} };
}

test("an object of any fields is described as an object alone in v2, in full in v3", () => {
  const { v2, v3 } = publish({ type: "object", "x-kubernetes-preserve-unknown-fields": true });
  expect(v2).toEqual({
    type: "object",
    "x-kubernetes-group-version-kind": [{ group: "example.com", version: "v1", kind: "Tab" }],
  });
  expect(v3).toMatchObject({ type: "object", "x-kubernetes-preserve-unknown-fields": true });
  expect(Object.keys(v3.properties ?? {})).toEqual(["apiVersion", "kind", "metadata"]);
});

test("v2 leaves out what its clients do not understand", () => {
  const { v2, v3 } = publish({
    type: "object",
    properties: {
      spec: {
        type: "object",
        required: ["a", "b"],
        oneOf: [{ required: ["a"] }],
        properties: {
          a: { type: "object", nullable: true, properties: { c: { type: "string" } } },
          b: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { d: { type: "string" } } },
        },
      },
    },
  });
  expect(v2.properties?.["spec"]).toEqual({
    type: "object",
    required: ["b"],
    properties: { a: {}, b: { "x-kubernetes-preserve-unknown-fields": true } },
  });
  expect(v3.properties?.["spec"]).toMatchObject({
    required: ["a", "b"],
    oneOf: [{ required: ["a"] }],
    properties: { a: { nullable: true, properties: { c: {} } }, b: { properties: { d: {} } } },
  });
});

test("v2 gives no type to a value that may be anything, or to a list of anything", () => {
  const keep = { "x-kubernetes-preserve-unknown-fields": true };
  const properties: Record<string, JSONSchemaProps> = {
    list: { type: "array", ...keep },
    text: { type: "string", ...keep },
    described: { description: "Any.", type: "object", ...keep },
    items: { type: "array" },
    names: { type: "array", items: { type: "string" } },
  };
  const { v2, v3 } = publish({ type: "object", properties: { spec: { type: "object", properties } } });
  expect(v2.properties?.["spec"]?.properties).toEqual({
    list: keep,
    text: { type: "string", ...keep },
    described: { description: "Any.", ...keep },
    items: {},
    names: properties["names"],
  });
  expect(v3.properties?.["spec"]?.properties).toEqual(properties);
});

test("metadata is a reference beside its description in v2, and within allOf in v3", () => {
  const { v2, v3 } = publish({ type: "object", properties: {} });
  const name = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
  const description = "Standard object's metadata.";
  expect(v2.properties?.["metadata"]).toEqual({ description, $ref: `#/definitions/${name}` });
  expect(v3.properties?.["metadata"]).toEqual({ description, allOf: [{ $ref: `#/components/schemas/${name}` }] });
});
