import { describe, expect, it } from "vitest";
import { expand } from "./expansion.ts";

const vars: Record<string, string> = { A: "a", B: "b", EMPTY: "" };

describe("expand", () => {
  it.each([
    ["$(A)", "a"],
    ["$(A)-$(B)", "a-b"],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$a"],
    ["$(UNKNOWN)", "$(UNKNOWN)"],
    ["$(EMPTY)x", "x"],
    ["$(A", "$(A"],
    ["$A $(A)", "$A a"],
    ["cost: 5$", "cost: 5$"],
    ["$", "$"],
    ["$(A))", "a)"],
    ["", ""],
    ["$$$$(A)", "$$(A)"],
    ["$(A)$$", "a$"],
  ])("%s → %s", (input, want) => {
    expect(expand(input, (name) => vars[name])).toBe(want);
  });
});
