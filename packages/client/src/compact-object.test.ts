import type { KubeObject } from "@knots/machinery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compactor } from "./compact-object.ts";

const pod = (name: string) =>
  JSON.parse(
    JSON.stringify({
      kind: "Pod",
      metadata: { name, managedFields: [{ manager: "kubectl" }], annotations: { from: "the same template" } },
      spec: { tolerations: [{ key: "node.kubernetes.io/not-ready", operator: "Exists", tolerationSeconds: 300 }] },
    }),
  ) as { kind: string; metadata: { name: string }; spec: { tolerations: object[] } };

const object = (spec: unknown) => ({ kind: "Anything", spec });

describe("compactor", () => {
  it("keeps equal parts of objects once, and drops managed fields", () => {
    const compact = compactor();
    const [a, b] = [compact(pod("a")), compact(pod("b"))];
    expect(a.spec.tolerations[0]).toBe(b.spec.tolerations[0]);
    expect(a.spec.tolerations).toBe(b.spec.tolerations);
    expect(a.metadata).not.toBe(b.metadata);
    expect(a.metadata).toEqual({ name: "a", annotations: { from: "the same template" } });
    expect(b.metadata).toEqual({ name: "b", annotations: { from: "the same template" } });
  });

  it("tells apart what differs in a type or a name alone", () => {
    const compact = compactor();
    const parts = [
      { a: "1" },
      { a: 1 },
      { a: true },
      { a: "true" },
      { a: null },
      { a: "null" },
      { b: "1" },
      {},
      [],
      ["1"],
      [{ a: "1" }],
      { 0: { a: "1" } },
      [{ a: 1 }],
      { 0: "#1" },
      { c: [{ a: "1" }] },
      { c: { 0: { a: "1" } } },
      { c: [{ a: "1" }], d: "2" },
      { c: [{ a: "1" }], d: 2 },
    ];
    for (let i = 0; i < 2; i++) expect(compact(object(structuredClone(parts)))).toEqual(object(parts));
  });

  it("changes nothing that can be seen", () => {
    const compact = compactor();
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = JSON.stringify({ spec: value });
        expect(JSON.stringify(compact(JSON.parse(text) as KubeObject))).toBe(text);
      }),
    );
  });

  it("forgets what it knows before it grows without bound", () => {
    const compact = compactor();
    for (let i = 0; i < 50_000; i++) compact(object({ text: `a text of its own, number ${i}` }));
    const [a, b] = [compact(pod("a")), compact(pod("b"))];
    expect(a.spec.tolerations[0]).toBe(b.spec.tolerations[0]);
  });
});
