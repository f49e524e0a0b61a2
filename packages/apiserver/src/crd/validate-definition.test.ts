// CustomResourceDefinitions in upstream's words and order.
import { describe, expect, it } from "vitest";
import { created, createMessages, infoOf, updated } from "../strategies/harness.testing.ts";
import type { Loose } from "../strategies/harness.testing.ts";

const info = infoOf("customresourcedefinitions");
const schema = { openAPIV3Schema: { type: "object", properties: { spec: { type: "object" } } } };
const v1 = { name: "v1", served: true, storage: true, schema };
const definition = (spec: object = {}, name = "widgets.a.io"): Loose => ({
  metadata: { name },
  spec: { group: "a.io", scope: "Namespaced", names: { plural: "widgets", kind: "Widget" }, versions: [v1], ...spec },
});
const messages = (spec: object, name?: string): string[] =>
  createMessages(info, definition(spec, name)).map((text) =>
    text
      .replace(/Invalid value: \[?\{"name.*?\]: /, "Invalid value: …: ")
      .replace(/(: a (?:lowercase RFC|DNS-1035)).*/, "$1"),
  );

it.each<[object, string[]]>([
  [{}, []],
  [
    { group: "A", scope: "", names: { plural: "Widgets", kind: "Widget_", listKind: "", shortNames: ["W"] } },
    [
      'metadata.name: Invalid value: "widgets.a.io": must be spec.names.plural+"."+spec.group',
      'spec.group: Invalid value: "A": a lowercase RFC',
      "spec.scope: Required value",
      'spec.names.plural: Invalid value: "Widgets": a DNS-1035',
      'spec.names.singular: Invalid value: "widget_": a DNS-1035',
      'spec.names.kind: Invalid value: "Widget_": may have mixed case, but should otherwise match: a DNS-1035',
      'spec.names.listKind: Invalid value: "Widget_List": may have mixed case, but should otherwise match: a DNS-1035',
      'spec.names.shortNames[0]: Invalid value: "W": a DNS-1035',
    ],
  ],
  [
    { versions: [v1, { ...v1, storage: false, schema: undefined }] },
    [
      "spec.versions[1].schema.openAPIV3Schema: Required value: schemas are required",
      "spec.versions: Invalid value: …: must contain unique version names",
    ],
  ],
  [
    { versions: [{ ...v1, storage: false }] },
    [
      "spec.versions: Invalid value: …: must have exactly one version marked as storage version",
      "status.storedVersions: Invalid value: []: must have at least one stored version",
    ],
  ],
  [
    { versions: [{ ...v1, deprecated: true, deprecationWarning: "a\nb" }] },
    [
      'spec.versions[0].deprecationWarning: Invalid value: "a\\nb": must only contain printable UTF-8 characters; non-printable character found at index 1',
    ],
  ],
  [
    { versions: [{ ...v1, deprecated: true, deprecationWarning: "" }] },
    ['spec.versions[0].deprecationWarning: Invalid value: "": must not be an empty string'],
  ],
  [
    { conversion: { strategy: "Webhook", webhook: { clientConfig: {}, conversionReviewVersions: [] } } },
    [
      "spec.conversion.webhookClientConfig: Required value: exactly one of url or service is required",
      "spec.conversion.conversionReviewVersions: Required value",
    ],
  ],
])("%j", (spec, expected) => {
  expect(messages(spec)).toEqual(expected);
});

describe("columns and subresources", () => {
  const column = { name: "A", type: "string", jsonPath: "spec.a" };
  const subresources = { scale: { specReplicasPath: ".a", statusReplicasPath: "" } };
  const v2 = { ...v1, name: "v2", storage: false };

  it("are named where older clients wrote them, when all versions have the same", () => {
    const part = { additionalPrinterColumns: [column], subresources };
    expect(
      messages({
        versions: [
          { ...v1, ...part },
          { ...v2, ...part },
        ],
      }),
    ).toEqual([
      'spec.subresources.scale.specReplicasPath: Invalid value: ".a": should be a json path under .spec',
      "spec.subresources.scale.statusReplicasPath: Required value",
      'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "spec.a": must be a simple json path starting with .',
    ]);
  });

  it("are named in their version otherwise", () => {
    expect(messages({ versions: [v1, { ...v2, additionalPrinterColumns: [column], subresources }] })).toEqual([
      'spec.versions[1].subresources.scale.specReplicasPath: Invalid value: ".a": should be a json path under .spec',
      "spec.versions[1].subresources.scale.statusReplicasPath: Required value",
      'spec.versions[1].additionalPrinterColumns[0].JSONPath: Invalid value: "spec.a": must be a simple json path starting with .',
    ]);
  });

  it("may have paths that mean nothing", () => {
    expect(messages({ versions: [{ ...v1, additionalPrinterColumns: [{ ...column, jsonPath: ".[" }] }] })).toEqual([]);
  });
});

describe("an update", () => {
  const change = (edit: (obj: Loose) => void, subresource = "", before: object = {}) =>
    updated(info, { ...created(info, definition()), ...before }, edit, subresource);

  it("keeps versions in which objects may be stored", () => {
    const { messages: found } = change((each) => {
      each.spec.versions = [{ ...v1, name: "v2" }];
    });
    expect(found).toEqual([
      'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
    ]);
  });

  it("keeps names that are accepted", () => {
    const status = { storedVersions: ["v1"], conditions: [{ type: "Established", status: "True" }] };
    const edit = (each: Loose): void => {
      each.spec.scope = "Cluster";
      each.spec.names.kind = "Other";
    };
    expect(change(edit).messages).toEqual([]);
    expect(change(edit, "", { status }).messages).toEqual([
      'spec.scope: Invalid value: "Cluster": field is immutable',
      'spec.names.kind: Invalid value: "Other": field is immutable',
    ]);
  });

  it("may leave unknown fields as they are, where they were so", () => {
    const old = definition({ preserveUnknownFields: true });
    const status = { storedVersions: ["v1"] };
    expect(messages({ preserveUnknownFields: true })[0]).toContain("spec.preserveUnknownFields: Invalid value: true");
    expect(updated(info, { ...old, status }, (each) => (each.metadata.labels = { a: "b" })).messages).toEqual([]);
  });

  it("of the status changes no metadata, and accepts names that are names", () => {
    const { next, messages: found } = change((each) => {
      each.metadata.labels = { a: "b" };
      each.status.acceptedNames = { plural: "W", kind: "" };
    }, "status");
    expect(next.metadata.labels).toBeUndefined();
    expect(found.map((text) => text.slice(0, 46))).toEqual(['status.acceptedNames.plural: Invalid value: "W']);
  });
});
