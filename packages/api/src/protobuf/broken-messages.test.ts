// Bytes that are no message: they are refused, or they are an object that can be told again.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { validateShape } from "../decode/validate-shape.ts";
import { RESOURCES } from "../generated/resources.ts";
import { schemaFor } from "../schema/api-schema.ts";
import { decodeProtobuf, encodeProtobuf } from "./envelope.ts";

const objects = RESOURCES.filter(({ verbs }) => verbs.includes("create")).map(({ group, version, kind }) => ({
  apiVersion: group === "" ? version : `${group}/${version}`,
  kind,
  metadata: { name: "x", labels: { a: "b" }, creationTimestamp: "2026-01-02T03:04:05Z", generation: 3 },
}));

/** Throws where reading does something else than refuse or give an object. */
function read(bytes: Uint8Array): void {
  let object: Record<string, unknown>;
  try {
    object = decodeProtobuf(bytes);
  } catch (error) {
    // A fault of the decoder would be a TypeError, or an end of the stack.
    expect(error).not.toBeInstanceOf(TypeError);
    expect((error as Error).message).not.toMatch(/call stack|allocation/);
    return;
  }
  const [group = "", version = ""] = String(object["apiVersion"]).includes("/")
    ? String(object["apiVersion"]).split("/")
    : ["", String(object["apiVersion"])];
  const schema = schemaFor({ group, version, kind: String(object["kind"]) });
  if (schema === undefined) throw new Error(`no schema for ${String(object["kind"])}`);
  if (validateShape(schema, object).errors.length > 0) return;
  const again = decodeProtobuf(encodeProtobuf(object));
  validateShape(schema, again);
  expect(again).toEqual(object);
}

describe("decodeProtobuf", () => {
  it("survives any bytes behind the prefix", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => read(new Uint8Array([0x6b, 0x38, 0x73, 0, ...bytes]))),
      { numRuns: 2000 },
    );
  });

  it("survives a changed byte, a cut and a repetition in every kind", () => {
    const change = fc.record({
      at: fc.double({ min: 0, max: 0.999, noNaN: true }),
      byte: fc.nat(255),
      how: fc.constantFrom("set", "cut", "twice"),
    });
    fc.assert(
      fc.property(fc.constantFrom(...objects), fc.array(change, { minLength: 1, maxLength: 3 }), (object, changes) => {
        let bytes = Buffer.from(encodeProtobuf(object));
        for (const { at, byte, how } of changes) {
          const index = 4 + Math.floor(at * (bytes.length - 4));
          if (how === "set") bytes[index] = byte;
          else if (how === "cut") bytes = bytes.subarray(0, index);
          else bytes = Buffer.concat([bytes.subarray(0, index), bytes.subarray(4)]);
        }
        read(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it("refuses integers that a number cannot hold, and passes over them in fields it does not know", () => {
    const job = (...tag: number[]): Uint8Array => {
      const big = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
      const spec = [...tag, ...big];
      const raw = [0x12, spec.length, ...spec];
      const meta = [...Buffer.from("\n\u0008batch/v1\u0012\u0003Job")];
      return new Uint8Array([0x6b, 0x38, 0x73, 0, 0x0a, meta.length, ...meta, 0x12, raw.length, ...raw]);
    };
    // activeDeadlineSeconds
    expect(() => decodeProtobuf(job(3 * 8))).toThrow("72057594037927935 is beyond those that are kept exactly");
    // Field 100, which there is not.
    expect(decodeProtobuf(job(0xa0, 0x06))).toMatchObject({ kind: "Job", spec: {} });
  });

  it("keeps __proto__ and constructor as keys of a map", () => {
    const map = {
      apiVersion: "v1",
      kind: "ConfigMap",
      data: JSON.parse('{"__proto__":"a","constructor":"b"}') as object,
    };
    const { data } = decodeProtobuf(encodeProtobuf(map)) as { data: object };
    expect(Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  it("does not go on for ever into a message that holds itself", () => {
    // JSONSchemaProps within JSONSchemaProps, field 29 (not), ten thousand deep.
    let bytes: number[] = [];
    const length = (size: number): number[] => (size < 128 ? [size] : [(size & 127) | 128, ...length(size >> 7)]);
    for (let depth = 0; depth < 10_000; depth++)
      bytes = bytes.length < 60_000 ? [0xea, 0x01, ...length(bytes.length), ...bytes] : bytes;
    const within = (tag: number, inner: number[]): number[] => [tag, ...length(inner.length), ...inner];
    const version = within(0x22, within(0x0a, bytes));
    const raw = within(0x12, within(0x3a, version));
    const meta = [...Buffer.from("\n\u0017apiextensions.k8s.io/v1\u0012\u0018CustomResourceDefinition")];
    const envelope = new Uint8Array([0x6b, 0x38, 0x73, 0, ...within(0x0a, meta), ...within(0x12, raw)]);
    read(envelope);
  });
});
