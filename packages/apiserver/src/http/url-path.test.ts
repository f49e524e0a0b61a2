import { expect, test } from "vitest";
import { canonicalPath, decodePath, isMalformed } from "./url-path.ts";

test.each([
  ["/a/b", "/a/b"],
  ["/a%2Fb%20c+d", "/a/b c+d"],
  ["/%C3%A4", "/ä"],
  ["/%E4", "/\ufffd"],
])("decodes %s", (raw, decoded) => {
  expect(decodePath(raw)).toBe(decoded);
});

test.each([
  ["/a%2fb%20c%2B!'()*~%7e", "/a/b%20c+%21%27%28%29%2A~~"],
  ["/%e4/%C3%A4/\u00e4", "/%E4/%C3%A4/%E4"],
  ["/%25/%2E%2e", "/%25/.."],
])("writes %s as Go does", (raw, canonical) => {
  expect(canonicalPath(raw)).toBe(canonical);
});

test("knows what cannot be decoded", () => {
  expect(["/%", "/%4", "/%zz", "/%2F%g0"].map(isMalformed)).toEqual([true, true, true, true]);
  expect(["/", "/%2f", "/%25zz"].map(isMalformed)).toEqual([false, false, false]);
});
