import { expect, test } from "vitest";
import { jsonCodec, yamlCodec } from "./codecs.ts";
import type { Codec } from "./codecs.ts";
import { pieces } from "./send-list.ts";

const head = { kind: "AList", apiVersion: "v1", metadata: { resourceVersion: "7" } };
const START = '{"kind":"AList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[';

/** What a list of these items becomes, written in pieces of this size. */
function written(items: readonly object[], size: number, codec: Codec = jsonCodec): string {
  const list = codec.list(
    head,
    items.map((item) => codec.listItem?.(item) ?? codec.encode(item)),
  );
  let text = "";
  for (const piece of pieces(list, Buffer.alloc(size))) text += piece.toString();
  return text;
}

test.each([1, 2, 7, 64, 4096])("joins items to a list in pieces of %d bytes", (size) => {
  expect(written([], size)).toBe(`${START}]}\n`);
  expect(written([{ a: 1 }], size)).toBe(`${START}{"a":1}]}\n`);
  expect(written([{ a: 1 }, {}, { b: "<" }], size)).toBe(`${START}{"a":1},{},{"b":"\\u003c"}]}\n`);
});

test("joins rows to a table", () => {
  const rows = [{ cells: ["<a>"] }, { cells: [1] }];
  const table = jsonCodec.table?.(
    { kind: "Table", columnDefinitions: [] },
    rows.map((row) => jsonCodec.encode(row)),
  );
  if (table === undefined) throw new Error("JSON tables are made of their rows");
  const [whole] = pieces(table, Buffer.alloc(4096));
  expect(String(whole)).toBe(Buffer.from(jsonCodec.encode({ kind: "Table", columnDefinitions: [], rows })).toString());
});

test("leaves the items of a list as they were", () => {
  const item = jsonCodec.encode({ a: 1 });
  const list = jsonCodec.list(head, [item, item]);
  expect([...pieces(list, Buffer.alloc(4096))]).toHaveLength(1);
  expect(Buffer.from(item).toString()).toBe('{"a":1}\n');
});

test.each([7, 4096])(
  "makes a YAML list of its items as if it were encoded as a whole, in pieces of %d bytes",
  (size) => {
    const items = [{ a: "one", b: { c: ["x", { d: "several\n\nlines\n" }] } }, {}, { text: 'a: "b"' }];
    expect(written(items, size, yamlCodec)).toBe(Buffer.from(yamlCodec.encode({ ...head, items })).toString());
    expect(written([], size, yamlCodec)).toBe(Buffer.from(yamlCodec.encode({ ...head, items: [] })).toString());
  },
);

test("a watch event is one line", () => {
  const frame = jsonCodec.frame("ADDED", jsonCodec.encode({ a: "&" }));
  expect(Buffer.from(frame).toString()).toBe('{"type":"ADDED","object":{"a":"\\u0026"}}\n');
});
