import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compare } from "./compare.ts";
import { createdFields } from "./created-fields.ts";
import { stripSystemFields, withoutFields } from "./field-filter.ts";
import { encodeFields } from "./fields-v1.ts";
import { deduced, objectValue, typing } from "./schema.testing.ts";
import type { Typing } from "./typed.ts";

/** The long way: everything that an empty object has not. */
function compared(object: object, of: Typing, ...without: string[]): string {
  const { added, modified } = compare({ apiVersion: "v1", kind: "Thing", metadata: {} }, object, of);
  const set = stripSystemFields(withoutFields(...without.map((name) => [name]))(modified.union(added)));
  return set.isEmpty ? "" : JSON.stringify(encodeFields(set));
}

describe("createdFields", () => {
  it.each([
    ["typed", typing],
    ["deduced", deduced],
  ])("is what comparing with an empty object gives: %s", (_name, of) => {
    fc.assert(
      fc.property(objectValue, (object) => {
        expect(createdFields(object, of)).toBe(compared(object, of));
        expect(createdFields(object, of, new Set(["spec"]))).toBe(compared(object, of, "spec"));
      }),
      { numRuns: 300 },
    );
  });

  it("names nothing that identifies the object or is the server's", () => {
    const metadata = { name: "x", namespace: "y", uid: "u", resourceVersion: "1", managedFields: [{ manager: "m" }] };
    expect(createdFields({ apiVersion: "v1", kind: "Thing", metadata, spec: {}, status: {} }, typing)).toBe("");
  });

  it("takes items with one name as one field", () => {
    const spec = {
      containers: [
        { name: "a", image: "1" },
        { name: "a", image: "2" },
      ],
    };
    expect(createdFields({ metadata: {}, spec }, typing)).toBe(compared({ metadata: {}, spec }, typing));
  });
});
