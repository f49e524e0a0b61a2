import { schemaFor } from "@knots/api";
import { nullLogger } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { compare, decodeFields, encodeFields } from "@knots/machinery/managed-fields/index";
import { describe, expect, it } from "vitest";
import { GOOD } from "../strategies/examples.testing.ts";
import { created, infoOf } from "../strategies/harness.testing.ts";
import { strategyFor } from "../strategies/index.ts";
import { ManagedFieldTracker } from "./managed-field-tracker.ts";
import type { StoredObject } from "./metadata.ts";
import type { Operation } from "./operation.ts";
import type { StoredType } from "./resource-type.ts";
import { apiVersionOf } from "./served.ts";
import { builtInVersions } from "./versions.ts";

const op = (subresource = ""): Operation => ({
  user: { name: "u", groups: [] },
  subresource,
  dryRun: false,
  fieldManager: "m",
  options: {},
  admission: undefined,
  warn: () => undefined,
});

function storedType(resource: string, group: string): StoredType {
  const info = infoOf(resource, group);
  return {
    info,
    prefix: "",
    schema: schemaFor(info),
    strategy: strategyFor(info),
    versions: builtInVersions(info, (other) => other === info),
    applyDefaults: () => undefined,
    hooks: {},
    returnsDeleted: false,
  };
}

const tracker = new ManagedFieldTracker(nullLogger);

describe.each(Object.entries(GOOD))("managed fields of %s", (resource, [group, body]) => {
  const type = storedType(resource, group);
  const make = (): StoredObject => {
    const object = created(type.info, body) as StoredObject;
    object.apiVersion = apiVersionOf(type.info);
    object.kind = type.info.kind;
    return object;
  };

  it("of a new object are those that an empty one has not", () => {
    const object = make();
    const before: KubeObject = { apiVersion: object.apiVersion ?? "", kind: object.kind ?? "", metadata: {} };
    const { added, modified } = compare(before, object, { schema: type.schema, untyped: "atomic" });
    tracker.onCreate(type, object, op(), 0);
    const fields = object.metadata.managedFields?.[0]?.fieldsV1 ?? {};
    const own = decodeFields(fields);
    expect(JSON.stringify(encodeFields(own))).toBe(JSON.stringify(fields));
    const rest = Array.from(added.union(modified).difference(own).paths());
    const top = new Set(rest.map(([first]) => first));
    expect([...top].filter((step) => step !== "f:metadata" && step !== "f:status")).toEqual([]);
    for (const [first, second] of rest) {
      if (first === "f:metadata") expect(second).toMatch(/^f:(name|namespace|uid|creationTimestamp|generation)$/);
    }
    expect(own.difference(added.union(modified)).isEmpty).toBe(true);
  });

  it("stay when nothing changes, and follow a new label", () => {
    const old = make();
    tracker.onCreate(type, old, op(), 0);
    const same = structuredClone(old);
    tracker.onUpdate(type, same, old, { ...op(), fieldManager: "other" }, 1_000_000);
    expect(same.metadata.managedFields).toEqual(old.metadata.managedFields);
    const next = structuredClone(old);
    next.metadata.labels = { ...next.metadata.labels, added: "x" };
    tracker.onUpdate(type, next, old, { ...op(), fieldManager: "other" }, 1_000_000);
    const entry = next.metadata.managedFields?.find(({ manager }) => manager === "other");
    // An object that has no fields but its name has no managed fields, and is not tracked.
    if (old.metadata.managedFields === undefined) expect(entry).toBeUndefined();
    else expect(entry).toMatchObject({ time: "1970-01-01T00:16:40Z", fieldsV1: { "f:metadata": {} } });
  });
});

describe("a tracker that fails", () => {
  it("leaves the write alone, and what was known in place", () => {
    const type = storedType("pods", "");
    const broken: StoredType = {
      ...type,
      versions: { ...type.versions, typing: () => undefined },
    };
    const managedFields = [
      { manager: "a", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: { "f:spec": {} } },
    ];
    const old = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", managedFields } };
    const next: StoredObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", labels: { a: "b" } } };
    tracker.onUpdate(broken, next, old, op(), 0);
    expect(next.metadata).toEqual({ name: "p", labels: { a: "b" }, managedFields });
    const fresh: StoredObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" } };
    tracker.onCreate(broken, fresh, op(), 0);
    expect(fresh.metadata.managedFields).toBeUndefined();
  });
});
