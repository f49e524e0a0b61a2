import { describe, expect, it } from "vitest";
import { warningHeader, warningHeaders } from "./warning-header.ts";

describe("warningHeader", () => {
  it("quotes, passes UTF-8 on byte by byte, and drops what no header can hold", () => {
    expect(warningHeader('a "b" \\')).toBe('299 - "a \\"b\\" \\\\"');
    expect(Buffer.from(warningHeader("café ☕") ?? "", "latin1").toString("utf8")).toBe('299 - "café ☕"');
    expect(warningHeader("a\nb")).toBeUndefined();
    expect(warningHeader("")).toBeUndefined();
  });

  it("cuts warnings that are too long together", () => {
    expect(warningHeaders(["short", "x".repeat(1000)])).toHaveLength(2);
    const cut = warningHeaders(["short", "x".repeat(5000), "ü".repeat(200)]);
    expect(cut).toEqual([
      '299 - "short"',
      `299 - "${"x".repeat(256)}"`,
      `299 - "${Buffer.from("ü".repeat(128)).toString("latin1")}"`,
    ]);
    expect(warningHeaders(Array.from({ length: 40 }, (_, i) => `${i}`.padStart(300, "y")))).toHaveLength(16);
  });
});
