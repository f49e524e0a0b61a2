import { expect, test } from "vitest";
import { jsonCodec } from "./codecs.ts";
import { pieces } from "./send-list.ts";

const head = { kind: "AList", apiVersion: "v1", metadata: { resourceVersion: "7" } };
const START = '{"kind":"AList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[';

/** What a list of these items becomes, written in pieces of this size. */
function written(items: readonly object[], size: number): string {
  const list = jsonCodec.list?.(
    head,
    items.map((item) => jsonCodec.encode(item)),
  );
  if (list === undefined) throw new Error("JSON lists are made of their items");
  let text = "";
  for (const piece of pieces(list, Buffer.alloc(size))) text += piece.toString();
  return text;
}

test.each([1, 2, 7, 64, 4096])("joins items to a list in pieces of %d bytes", (size) => {
  expect(written([], size)).toBe(`${START}]}\n`);
  expect(written([{ a: 1 }], size)).toBe(`${START}{"a":1}]}\n`);
  expect(written([{ a: 1 }, {}, { b: "<" }], size)).toBe(`${START}{"a":1},{},{"b":"\\u003c"}]}\n`);
});

test("leaves the items of a list as they were", () => {
  const item = jsonCodec.encode({ a: 1 });
  const list = jsonCodec.list?.(head, [item, item]);
  if (list !== undefined) expect([...pieces(list, Buffer.alloc(4096))]).toHaveLength(1);
  expect(Buffer.from(item).toString()).toBe('{"a":1}\n');
});

test("a watch event is one line", () => {
  const frame = jsonCodec.frame("ADDED", jsonCodec.encode({ a: "&" }));
  expect(Buffer.from(frame).toString()).toBe('{"type":"ADDED","object":{"a":"\\u0026"}}\n');
});
