import type { TypeSchema } from "@knots/machinery";
import { expect, it } from "vitest";
import { schemaFor } from "../schema/api-schema.ts";
import { applySchemaDefaults } from "./schema-defaults.ts";

it("sets the defaults of built-in types below lists", () => {
  const pod = { spec: { containers: [{ name: "c", ports: [{ containerPort: 80 }] }] } };
  const schema = schemaFor({ group: "", version: "v1", kind: "Pod" });
  if (!schema) throw new Error("no schema for Pod");
  applySchemaDefaults(schema, pod);
  expect(pod.spec.containers[0]?.ports[0]).toEqual({ containerPort: 80, protocol: "TCP" });
});

it("replaces null unless it is allowed, and copies structured defaults", () => {
  const string: TypeSchema = { kind: "scalar", scalar: "string" };
  const any: TypeSchema = { kind: "any", preserveUnknown: true };
  const schema: TypeSchema = {
    kind: "struct",
    name: "Widget",
    fields: new Map([
      ["a", { name: "a", type: string, default: "x" }],
      ["b", { name: "b", type: string, default: "x", nullable: true }],
      ["c", { name: "c", type: any, default: { list: [1] } }],
    ]),
  };
  const one: Record<string, unknown> = { a: null, b: null };
  const two: Record<string, unknown> = {};
  applySchemaDefaults(schema, one);
  applySchemaDefaults(schema, two);
  expect(one).toEqual({ a: "x", b: null, c: { list: [1] } });
  expect(one.c).not.toBe(two.c);
});
