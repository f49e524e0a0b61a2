import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OrderedKeys } from "./ordered-keys.ts";

const key = fc.string({ unit: fc.constantFrom("a", "b", "c", "/"), minLength: 1, maxLength: 6 });
const command = fc.record({ remove: fc.boolean(), key });

/** What the keys must be, the plain way. */
function ranged(keys: Iterable<string>, prefix: string, after?: string): string[] {
  return [...keys].filter((k) => k.startsWith(prefix) && (after === undefined || k > after)).toSorted();
}

describe("OrderedKeys", () => {
  it("is a sorted set, whatever comes and goes", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), key, fc.option(key, { nil: undefined }), (commands, p, a) => {
        const model = new Set<string>();
        const keys = new OrderedKeys();
        for (const { remove, key: each } of commands) {
          if (remove) model.delete(each);
          else model.add(each);
          if (remove) keys.remove(each);
          else keys.add(each);
        }
        expect(keys.size).toBe(model.size);
        expect(keys.range("")).toEqual(ranged(model, ""));
        const after = a === undefined ? undefined : p + a;
        expect(keys.range(p, after)).toEqual(ranged(model, p, after));
        expect(keys.count(p, after)).toBe(ranged(model, p, after).length);
      }),
    );
  });

  it.each([
    ["in their order", (i: number) => i],
    ["backwards", (i: number) => 9999 - i],
    ["all over", (i: number) => (i * 7919) % 10_000],
  ])("holds many keys that came %s", (_how, place) => {
    const keys = new OrderedKeys();
    const names = Array.from({ length: 10_000 }, (_, i) => `/pods/${i % 3}/${String(place(i)).padStart(5, "0")}`);
    for (const name of names) keys.add(name);
    expect(keys.range("/pods/")).toEqual(names.toSorted());
    expect(keys.range("/pods/1/")).toEqual(ranged(names, "/pods/1/"));
    expect(keys.count("/pods/1/", "/pods/1/05000")).toBe(ranged(names, "/pods/1/", "/pods/1/05000").length);
    const loaded = new OrderedKeys();
    loaded.load([...names]);
    expect(loaded.range("")).toEqual(keys.range(""));
    for (const name of names) keys.remove(name);
    expect([keys.size, keys.range("")]).toEqual([0, []]);
  });
});
