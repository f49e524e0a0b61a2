import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyDefaults, prune } from "./structural.ts";

const NAMES = ["a", "b", "c", "constructor", "__proto__"];
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<unknown>(null, 1, "x", true),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie("value"), { maxKeys: 4 }),
  ),
})).value;

const schema = fc.letrec<{ schema: JSONSchemaProps }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<JSONSchemaProps>(
      { type: "string" },
      { type: "string", default: "d" },
      { type: "integer", default: 3, nullable: true },
    ),
    fc.record({ type: fc.constant("array"), items: tie("schema") }) as fc.Arbitrary<JSONSchemaProps>,
    fc.record({ type: fc.constant("object"), additionalProperties: tie("schema") }) as fc.Arbitrary<JSONSchemaProps>,
    fc.record({
      type: fc.constant("object"),
      properties: fc.dictionary(fc.constantFrom(...NAMES), tie("schema"), { maxKeys: 4 }),
      "x-kubernetes-preserve-unknown-fields": fc.boolean(),
    }) as fc.Arbitrary<JSONSchemaProps>,
    fc.record({
      type: fc.constant("object"),
      default: fc.constantFrom<object>({}, { a: "from the default" }),
      properties: fc.dictionary(fc.constantFrom(...NAMES), tie("schema"), { maxKeys: 4 }),
    }) as fc.Arbitrary<JSONSchemaProps>,
  ),
})).schema;

/** JSON of its own, as it comes off the wire. */
const copy = (json: unknown): unknown => JSON.parse(JSON.stringify(json)) as unknown;

describe("prune", () => {
  it("drops nothing a second time, and only drops", () => {
    fc.assert(
      fc.property(schema, value, (type, given) => {
        const once = copy(given);
        prune(once, type, false);
        const twice = copy(once);
        expect(prune(twice, type, false)).toEqual([]);
        expect(JSON.stringify(twice)).toBe(JSON.stringify(once));
        expect(JSON.stringify(once).length).toBeLessThanOrEqual(JSON.stringify(given).length);
      }),
      { numRuns: 500 },
    );
  });

  it("leaves everything where everything is preserved", () => {
    fc.assert(
      fc.property(value, (given) => {
        const kept = copy(given);
        expect(prune(kept, { type: "object", "x-kubernetes-preserve-unknown-fields": true }, false)).toEqual([]);
        expect(JSON.stringify(kept)).toBe(JSON.stringify(copy(given)));
      }),
    );
  });
});

describe("applyDefaults", () => {
  it("sets nothing a second time, and changes nothing that is there", () => {
    fc.assert(
      fc.property(schema, value, (type, given) => {
        const once = copy(given);
        applyDefaults(once, type);
        const twice = copy(once);
        applyDefaults(twice, type);
        expect(JSON.stringify(twice)).toBe(JSON.stringify(once));
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it("sets the default of a field named like what every object has", () => {
    const type: JSONSchemaProps = {
      type: "object",
      properties: JSON.parse('{"constructor":{"type":"string","default":"x"}}') as Record<string, JSONSchemaProps>,
    };
    const object = {};
    applyDefaults(object, type);
    expect(JSON.stringify(object)).toBe('{"constructor":"x"}');
  });
});

it("does not look at properties without defaults in each item of a list", () => {
  const names = Array.from({ length: 100 }, (_, i) => `p${i}`);
  const plain = Object.fromEntries(names.map((name) => [name, { type: "string" } as JSONSchemaProps]));
  let looked = 0;
  const items = new Proxy(
    { type: "object", properties: { ...plain, d: { type: "string", default: "x" } } } as JSONSchemaProps,
    {
      get(target, key, receiver) {
        if (key === "properties") looked++;
        return Reflect.get(target, key, receiver) as unknown;
      },
    },
  );
  const list = Array.from({ length: 1000 }, () => ({}));
  applyDefaults(list, { type: "array", items });
  expect(list).toEqual(list.map(() => ({ d: "x" })));
  expect(looked).toBeLessThan(10);
});
