import { describe, expect, it } from "vitest";
import { combineConditions } from "./match-conditions.ts";

const error = { error: "no such key: x" };

describe("combineConditions", () => {
  it.each([
    [[], false, { matches: true }],
    [[true, true], false, { matches: true }],
    [[true, false], false, { matches: false }],
    // One that is false settles it, whatever could not be evaluated.
    [[error, false], false, { matches: false }],
    [[true, error], false, { matches: false, error: "no such key: x" }],
    [[error, error], false, { matches: false, error: "[no such key: x, no such key: x]" }],
    [[true, error], true, { matches: false }],
  ])("%j, ignoring failures: %s", (results, ignore, expected) => {
    expect(combineConditions(results, ignore)).toEqual(expected);
  });
});
