import { describe, expect, it } from "vitest";
import { brokenManagedFields, differsInTimesAlone } from "./managed-fields.ts";
import type { StoredObject } from "./metadata.ts";

const entry = (time: string, manager = "a") => ({
  manager,
  operation: "Update",
  apiVersion: "v1",
  time,
  fieldsType: "FieldsV1",
  fieldsV1: { "f:data": {} },
});

const object = (managedFields: ReturnType<typeof entry>[] | undefined, data = "x"): StoredObject =>
  ({ metadata: { name: "n", ...(managedFields === undefined ? {} : { managedFields }) }, data }) as StoredObject;

describe("differsInTimesAlone", () => {
  const old = object([entry("2026-01-01T00:00:00Z")]);

  it.each([
    ["another time", object([entry("2026-01-02T00:00:00Z")]), true],
    ["another manager", object([entry("2026-01-02T00:00:00Z", "b")]), false],
    ["other data", object([entry("2026-01-02T00:00:00Z")], "y"), false],
    ["one more entry", object([entry("2026-01-02T00:00:00Z"), entry("2026-01-02T00:00:00Z", "b")]), false],
    ["no entries", object(undefined), false],
  ])("%s", (_name, next, expected) => {
    expect(differsInTimesAlone(next, old)).toBe(expected);
  });

  it("asks no more of entries that are the same", () => {
    const { managedFields } = old.metadata;
    expect(differsInTimesAlone({ metadata: { name: "n", managedFields: managedFields ?? [] } }, old)).toBe(false);
  });
});

describe("brokenManagedFields", () => {
  it("looks at what admission changed", () => {
    const good = [entry("2026-01-01T00:00:00Z")];
    const bad = [{ ...entry("2026-01-01T00:00:00Z"), operation: "x" }];
    expect(brokenManagedFields(object(good), undefined)).toBeUndefined();
    expect(brokenManagedFields(object(bad), good)).toBe("operation must be `Apply` or `Update`");
    expect(brokenManagedFields(object(bad), bad)).toBeUndefined();
    expect(brokenManagedFields(object(undefined), good)).toBeUndefined();
  });
});
