import type { Scale } from "@knots/api/autoscaling/v1";
import type { ManagedFieldsEntry } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import type { StoredObject } from "../metadata.ts";
import type { StoredType } from "../resource-type.ts";
import { ScaleFields } from "./scale-fields.ts";

// The replicas may stand anywhere.
const type = {
  versions: {
    typing: (version: string) => (version === "x/v1" ? { schema: undefined, untyped: "deduced" } : undefined),
  },
} as unknown as StoredType;
const fields = new ScaleFields(type, "x/v1", ["spec", "size"]);

const entry = (manager: string, fieldsV1: object, more: Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry => ({
  manager,
  operation: "Update",
  apiVersion: "x/v1",
  time: "2026-01-01T00:00:00Z",
  fieldsType: "FieldsV1",
  fieldsV1: fieldsV1 as Record<string, unknown>,
  ...more,
});

const parent = (...managedFields: ManagedFieldsEntry[]): StoredObject => ({ metadata: { name: "n", managedFields } });
const scale = (replicas: number): Scale => ({
  apiVersion: "autoscaling/v1",
  kind: "Scale",
  metadata: { name: "n", uid: "u" },
  spec: { replicas },
});

const SIZE = { "f:spec": { "f:size": {} } };
const BOTH = { "f:spec": { "f:mode": {}, "f:size": {} } };
const REPLICAS = { "f:spec": { "f:replicas": {} } };

/** Writes the scale and gives the parent's entries afterwards. */
function scaled(object: StoredObject, change: (live: Scale) => Scale): [string, unknown, string | undefined][] {
  const live = scale(1);
  fields.toScale(object, live);
  const next = change(structuredClone(live));
  const writer = { manager: "w", subresource: "scale", apiVersion: "autoscaling/v1", time: "2026-01-02T00:00:00Z" };
  fields.update(live, next, writer);
  const after = structuredClone(object);
  fields.toParent(next, after);
  return (after.metadata.managedFields ?? []).map(({ manager, fieldsV1, subresource }) => [
    manager ?? "",
    fieldsV1,
    subresource,
  ]);
}

describe("managed fields of a scale", () => {
  it("show who owns the replicas, under the scale's own path", () => {
    const shown = scale(1);
    fields.toScale(
      parent(entry("a", BOTH), entry("b", { "f:spec": { "f:mode": {} } }), entry("old", SIZE, { apiVersion: "x/v0" })),
      shown,
    );
    expect(shown.metadata?.managedFields).toMatchObject([
      { manager: "a", apiVersion: "autoscaling/v1", fieldsV1: REPLICAS },
    ]);
  });

  it("go over to who changes them; versions that are gone are forgotten", () => {
    const object = parent(
      entry("a", BOTH),
      entry("b", SIZE, { operation: "Apply" }),
      entry("old", SIZE, { apiVersion: "x/v0" }),
    );
    expect(scaled(object, (live) => ({ ...live, spec: { replicas: 2 } }))).toEqual([
      ["a", { "f:spec": { "f:mode": {} } }, undefined],
      ["w", SIZE, "scale"],
    ]);
  });

  it("stay where they are when nothing changes", () => {
    const object = parent(entry("a", BOTH), entry("b", SIZE, { operation: "Apply" }));
    expect(scaled(object, (live) => live)).toEqual([
      ["b", SIZE, undefined],
      ["a", BOTH, undefined],
    ]);
  });
});
