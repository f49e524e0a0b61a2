import { expect, test } from "vitest";
import { encodeLine, escapeJson } from "./json-line.ts";

test("a line ends in one line feed", () => {
  expect(Buffer.from(encodeLine('{"a":"b"}')).toString()).toBe('{"a":"b"}\n');
});

test("escapes what Go escapes, and nothing else", () => {
  const value = { command: "a && b < c > d", separators: "\u2028\u2029", plain: "ä/'\"\\\u007f" };
  const escaped = escapeJson(JSON.stringify(value));
  expect(escaped).toContain(String.raw`"a \u0026\u0026 b \u003c c \u003e d"`);
  expect(escaped).toContain(String.raw`"separators":"\u2028\u2029"`);
  expect(escaped).toContain(JSON.stringify(value.plain));
  expect(JSON.parse(escaped)).toEqual(value);
});
