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

/** Replaces the `at`-th place (round and round) of all that are in the object's spec and labels. */
function replaceAt(object: object, at: number, value: unknown): void {
  const places: [Record<string, unknown>, string][] = [];
  const walk = (each: unknown): void => {
    if (typeof each !== "object" || each === null) return;
    for (const key of Object.keys(each)) {
      places.push([each as Record<string, unknown>, key]);
      walk((each as Record<string, unknown>)[key]);
    }
  };
  walk((object as { spec?: unknown }).spec);
  const place = places[at % Math.max(1, places.length)];
  if (place !== undefined) place[0][place[1]] = value;
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

  it.each([
    ["typed", typing],
    ["deduced", deduced],
  ])("is in order however many keys there are, and however they come: %s", (_name, of) => {
    const keys = Array.from({ length: 1000 }, (_, index) => `k${((index * 617) % 1000).toString(36)}`);
    for (const order of [keys, keys.toSorted(), keys.toSorted().toReversed()]) {
      const labels = Object.fromEntries(order.map((key) => [key, "x"]));
      const object = { apiVersion: "v1", kind: "Thing", metadata: { labels } };
      expect(createdFields(object, of)).toBe(compared(object, of));
    }
  });

  it("names nothing that identifies the object or is the server's", () => {
    const metadata = { name: "x", namespace: "y", uid: "u", resourceVersion: "1", managedFields: [{ manager: "m" }] };
    expect(createdFields({ apiVersion: "v1", kind: "Thing", metadata, spec: {}, status: {} }, typing)).toBe("");
  });

  it.each([
    ["typed", typing],
    ["deduced", deduced],
  ])("takes no object for another that has other fields: %s", (_name, of) => {
    const change = fc.record({
      at: fc.nat(),
      value: fc.constantFrom<unknown>("", "0", 0, 1, true, false, null, {}, [], "w"),
    });
    fc.assert(
      fc.property(objectValue, fc.array(change, { maxLength: 3 }), (object, changes) => {
        createdFields(object, of);
        const other = structuredClone(object);
        for (const { at, value } of changes) replaceAt(other, at, value);
        let text: string;
        try {
          text = compared(other, of);
        } catch {
          expect(() => createdFields(other, of)).toThrow();
          return;
        }
        expect(createdFields(other, of)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it("knows a key named __proto__ from none", () => {
    createdFields({ spec: { labels: { a: "1" } } }, deduced);
    const spec = JSON.parse('{"labels":{"__proto__":{}}}') as object;
    expect(createdFields({ spec }, deduced)).toBe('{"f:spec":{".":{},"f:labels":{".":{},"f:__proto__":{}}}}');
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
