import { describe, expect, it } from "vitest";
import { warningHeader, Warnings } from "./warning-header.ts";

describe("warningHeader", () => {
  it("quotes, passes UTF-8 on byte by byte, and drops what no header can hold", () => {
    expect(warningHeader('a "b" \\')).toBe('299 - "a \\"b\\" \\\\"');
    expect(Buffer.from(warningHeader("café ☕") ?? "", "latin1").toString("utf8")).toBe('299 - "café ☕"');
    expect(warningHeader("a\nb")).toBeUndefined();
    expect(warningHeader("")).toBeUndefined();
  });

  const told = (texts: readonly string[]): readonly string[] => {
    const warnings = new Warnings();
    let values: readonly string[] = [];
    for (const text of texts) values = warnings.add(text) ?? values;
    return values;
  };

  it("cuts warnings that are too long together", () => {
    expect(told(["short", "x".repeat(1000)])).toHaveLength(2);
    const cut = told(["short", "x".repeat(5000), "ü".repeat(200)]);
    expect(cut).toEqual([
      '299 - "short"',
      `299 - "${"x".repeat(256)}"`,
      `299 - "${Buffer.from("ü".repeat(128)).toString("latin1")}"`,
    ]);
    expect(told(Array.from({ length: 40 }, (_, i) => `${i}`.padStart(300, "y")))).toHaveLength(16);
  });

  it("tells each once, and keeps none that nobody will be shown", () => {
    const warnings = new Warnings();
    expect(warnings.add("a")).toEqual(['299 - "a"']);
    expect(warnings.add("a")).toBeUndefined();
    expect(warnings.add("b")).toHaveLength(2);
    const full = Array.from({ length: 20 }, (_, i) => `${i}`.padStart(256, "y"));
    expect(full.filter((text) => warnings.add(text) !== undefined)).toHaveLength(16);
    expect(warnings.add("c")).toBeUndefined();
  });
});
