import { describe, expect, it } from "vitest";
import { EXIT_AFTER, EXIT_CODE, exitOf, READY_AFTER, readyAfterOf } from "./behaviour.ts";

describe("exitOf", () => {
  it.each([
    ["nothing said", {}, undefined],
    ["only a time", { [EXIT_AFTER]: "1m30s" }, { exitCode: 0, afterMs: 90_000 }],
    ["only a code", { [EXIT_CODE]: "3" }, { exitCode: 3, afterMs: 0 }],
    ["both", { [EXIT_AFTER]: "500ms", [EXIT_CODE]: "1" }, { exitCode: 1, afterMs: 500 }],
  ])("%s", (_name, annotations, expected) => {
    expect(exitOf(annotations)).toEqual(expected);
  });

  it("says which annotation cannot be read and what it should be", () => {
    expect(() => exitOf({ [EXIT_AFTER]: "soon" })).toThrow(/knots.dev\/simulate-exit-after: "soon" is no duration/);
    expect(() => exitOf({ [EXIT_CODE]: "256" })).toThrow(/knots.dev\/simulate-exit-code: "256" is no exit code/);
    expect(() => exitOf({ [EXIT_CODE]: "x" })).toThrow(/0 to 255/);
  });
});

describe("readyAfterOf", () => {
  it("is a duration, or nothing", () => {
    expect(readyAfterOf(undefined)).toBeUndefined();
    expect(readyAfterOf({ [READY_AFTER]: "2s" })).toBe(2000);
    expect(() => readyAfterOf({ [READY_AFTER]: "-" })).toThrow(READY_AFTER);
  });
});
