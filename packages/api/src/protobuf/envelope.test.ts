import type { FieldSchema, TypeSchema } from "@knots/machinery";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { validateShape } from "../decode/validate-shape.ts";
import { RESOURCES } from "../generated/resources.ts";
import { schemaFor } from "../schema/api-schema.ts";
import type { ApiFieldSchema } from "../schema/api-schema.ts";
import { decodeProtobuf, encodeProtobuf, encodeWatchFrame, hasProtobuf, isProtobuf } from "./envelope.ts";

const word = fc.stringMatching(/^[a-zé]{1,6}$/);

const SCALARS = {
  string: word,
  bool: fc.boolean(),
  int32: fc.integer(),
  int64: fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  "int-or-string": fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), word),
  quantity: fc.constantFrom("1", "250m", "64Mi"),
  time: fc.constantFrom("2026-01-02T03:04:05Z", "1969-12-31T23:59:59Z"),
  microtime: fc.constantFrom("2026-01-02T03:04:05.000006Z"),
  duration: fc.constantFrom("1h0m0s", "0s", "1.5s"),
};

/** Values of a schema, a few levels deep, with only some of the fields. */
function valueOf(schema: TypeSchema, depth: number, minLength = 0): fc.Arbitrary<unknown> {
  switch (schema.kind) {
    case "scalar":
      return SCALARS[schema.scalar];
    case "list":
      return fc.array(valueOf(schema.element, depth - 1), { minLength, maxLength: 2 });
    case "map":
      return fc.dictionary(word, valueOf(schema.value, depth - 1), { maxKeys: 2 });
    case "struct": {
      if (depth <= 0) return fc.constant({});
      // An object inside another (a claim template) loses its apiVersion and kind in protobuf, as upstream.
      const carried = (field: FieldSchema): boolean => (field as Partial<ApiFieldSchema>).protoParents?.[0] !== 0;
      const fields = [...schema.fields.values()].filter((field) => field.type.kind !== "any" && carried(field));
      // Where JSON tells an empty list from none, protobuf does not.
      const least = (field: Partial<ApiFieldSchema>): number =>
        field.omitEmpty === false && field.zero === undefined ? 1 : 0;
      const record = Object.fromEntries(
        fields.map((field) => [field.name, valueOf(field.type, depth - 1, least(field))]),
      );
      // A length of time that must be there is never absent in Go: no time at all is "0s".
      const required = fields.filter(({ type, required: must }) => must && isDuration(type)).map(({ name }) => name);
      return fc.record(record, { requiredKeys: required });
    }
    default:
      return fc.constant({});
  }
}

function isDuration(type: TypeSchema): boolean {
  return type.kind === "scalar" && type.scalar === "duration";
}

const storable = RESOURCES.filter((info) => info.verbs.includes("get"));

describe("protobuf", () => {
  it.each(storable)("gives back the $kind of $group/$version that went in", (info) => {
    const schema = schemaFor(info);
    if (!schema) throw new Error(`no schema for ${info.kind}`);
    const apiVersion = info.group === "" ? info.version : `${info.group}/${info.version}`;
    const property = fc.property(valueOf(schema, 5), (value) => {
      const obj = { ...(value as object), apiVersion, kind: info.kind };
      validateShape(schema, obj);
      const back = decodeProtobuf(encodeProtobuf(obj));
      validateShape(schema, back);
      expect(back).toEqual(obj);
    });
    fc.assert(property, { numRuns: 15 });
  });

  it("writes the envelope's bytes", () => {
    const bytes = encodeProtobuf({ apiVersion: "v1", kind: "Binding", target: { name: "n" } });
    expect(isProtobuf(bytes)).toBe(true);
    const text = Buffer.from(bytes).toString("latin1");
    // Unknown.typeMeta {apiVersion: v1, kind: Binding}
    expect(text.slice(4, 19)).toBe("\n\r\n\u0002v1\u0012\u0007Binding");
    // Empty content encoding and type at the end.
    expect(text.slice(-4)).toBe('\u001a\u0000"\u0000');
  });

  it("keeps raw JSON in types that hold anything", () => {
    const revision = {
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: {},
      revision: 3,
      data: { spec: [1, null] },
    };
    expect(decodeProtobuf(encodeProtobuf(revision))).toMatchObject({ revision: 3, data: { spec: [1, null] } });
  });

  it("tells schemas from booleans and lists", () => {
    const schema = {
      type: "object",
      additionalProperties: false,
      items: { type: "string" },
      dependencies: { a: ["b"], c: { type: "string" } },
      default: { x: 1 },
      enum: [1, "a", null],
    };
    const version = { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } };
    const crd = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      spec: { versions: [version] },
    };
    expect(decodeProtobuf(encodeProtobuf(crd))).toMatchObject(crd);
  });

  it("takes the type from the fallback when the envelope has none", () => {
    const bytes = encodeProtobuf({ apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 });
    expect(decodeProtobuf(bytes)).toMatchObject({ kind: "DeleteOptions", gracePeriodSeconds: 0 });
  });

  it("refuses what it does not know", () => {
    expect(hasProtobuf("example.com/v1", "Widget")).toBe(false);
    expect(() => encodeProtobuf({ apiVersion: "example.com/v1", kind: "Widget" })).toThrow(/protobuf/);
    expect(() => decodeProtobuf(new Uint8Array([1, 2, 3, 4]))).toThrow(/expected prefix/);
  });

  it("fails on a body that ends too early", () => {
    const bytes = encodeProtobuf({ apiVersion: "v1", kind: "Pod", metadata: { name: "web" } });
    expect(() => decodeProtobuf(bytes.subarray(0, bytes.length - 40))).toThrow();
  });

  it("frames watch events with their length", () => {
    const frame = encodeWatchFrame("ADDED", encodeProtobuf({ apiVersion: "v1", kind: "Pod" }));
    expect(new DataView(frame.buffer).getUint32(0)).toBe(frame.length - 4);
    expect(Buffer.from(frame.subarray(6, 11)).toString()).toBe("ADDED");
  });
});
