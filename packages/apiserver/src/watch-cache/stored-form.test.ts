import { expect, test } from "vitest";
import { Entry } from "./entry.ts";
import { encodeStored, placeRevision } from "./stored-form.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

test("stores no resourceVersion and puts it in place on reading", () => {
  const object = {
    data: { metadata: '"metadata":{' },
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: { name: "a", resourceVersion: "7" },
  };
  const stored = encodeStored(object);
  expect(text(stored)).not.toContain("resourceVersion");
  const final = text(placeRevision(stored, 1234));
  expect(
    final.startsWith('{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"1234","name":"a"}'),
  ).toBe(true);
  expect(JSON.parse(final)).toEqual({ ...object, metadata: { name: "a", resourceVersion: "1234" } });
  expect(object.metadata.resourceVersion).toBe("7");
});

test("knows metadata without a field, and text beyond ASCII", () => {
  const empty = placeRevision(encodeStored({ kind: "A", apiVersion: "v1" }), 5);
  expect(JSON.parse(text(empty))).toEqual({ kind: "A", apiVersion: "v1", metadata: { resourceVersion: "5" } });
  const object = { kind: "A", apiVersion: "v1", metadata: { name: "ä" }, data: { x: "日本" } };
  expect(JSON.parse(text(placeRevision(encodeStored(object), 9)))).toEqual({
    ...object,
    metadata: { name: "ä", resourceVersion: "9" },
  });
});

test.each([
  '{"apiVersion":"example.com/v1","data":{"metadata":{"name":"decoy"}},"kind":"A","metadata":{"name":"a"}}',
  '{"kind":"A","apiVersion":"v1","data":{"metadata":{"name":"decoy"}},"metadata":{"name":"a"}}',
  '{"kind":"A\\"","apiVersion":"v1","metadata":{"name":"a"}}',
  '{ "kind": "A", "apiVersion": "v1", "metadata": { "name": "a" } }',
])("reads what others wrote in another order: %s", (stored) => {
  const expected = JSON.parse(stored) as { metadata: object };
  expect(JSON.parse(text(placeRevision(bytes(stored), 3)))).toEqual({
    ...expected,
    metadata: { ...expected.metadata, resourceVersion: "3" },
  });
});

test("keeps integers that no number holds", () => {
  const stored = '{"a":9223372036854775807,"metadata":{"name":"a"}}';
  expect(text(placeRevision(bytes(stored), 3))).toContain('"a":9223372036854775807');
  const entry = Entry.fromStored("/a", 3, 1, bytes(`{"kind":"A","apiVersion":"v1",${stored.slice(1)}`));
  expect(JSON.stringify(entry.object)).toContain('"a":9223372036854775807');
});

test("ends in one line feed, whether the stored bytes did or not", () => {
  const stored = encodeStored({ kind: "A", apiVersion: "v1", metadata: { name: "a" } });
  const final = '{"kind":"A","apiVersion":"v1","metadata":{"resourceVersion":"3","name":"a"}}\n';
  expect(text(placeRevision(stored, 3))).toBe(final);
  expect(text(placeRevision(bytes(text(stored).trimEnd()), 3))).toBe(final);
});
