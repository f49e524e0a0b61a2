import { trackUpdate } from "@knots/machinery/managed-fields/index";
import { everyField } from "@knots/machinery/managed-fields/index";
import { describe, expect, it } from "vitest";
import { encodeObject } from "./encode-object.ts";

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("encodeObject", () => {
  it("puts kind, apiVersion and metadata first", () => {
    const object = { spec: { a: 1 }, metadata: { name: "x" }, apiVersion: "v1", kind: "K" };
    expect(decode(encodeObject(object))).toBe(
      '{"kind":"K","apiVersion":"v1","metadata":{"name":"x"},"spec":{"a":1}}\n',
    );
  });

  it("writes managed fields as JSON.stringify would, shared or not", () => {
    const versions = {
      typing: () => ({ schema: undefined, untyped: "deduced" as const }),
      convert: <T>(object: T) => object,
      filter: () => everyField,
    };
    const object = { apiVersion: "v1", kind: "K", metadata: { name: "x", labels: { 'a"b': "c" } }, spec: { a: 1 } };
    const writer = { manager: "m", subresource: "status", apiVersion: "v1", time: "2026-01-01T00:00:00Z" };
    const shared = trackUpdate(undefined, object, writer, versions) ?? [];
    const own = [{ manager: "n", fieldsV1: { "f:a": {} } }, {}];
    for (const managedFields of [shared, own, [...shared, ...own], []]) {
      for (const rest of [{ spec: object.spec }, {}]) {
        for (const metadata of [object.metadata, {}]) {
          const whole = { apiVersion: "v1", kind: "K", metadata: { ...metadata, managedFields }, ...rest };
          expect(JSON.parse(decode(encodeObject(whole)))).toEqual(whole);
        }
      }
    }
  });

  it("writes an object without metadata", () => {
    expect(decode(encodeObject({ apiVersion: "v1", kind: "K" }))).toBe('{"kind":"K","apiVersion":"v1"}\n');
  });
});
