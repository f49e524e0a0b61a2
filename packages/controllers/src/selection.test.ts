import { expect, test } from "vitest";
import { selectControllers } from "./selection.ts";

const named = (name: string, enabledByDefault = true) => ({
  name,
  enabledByDefault,
  init: () => {
    throw new Error("not started here");
  },
});
const all = [named("a"), named("b"), named("c", false)];

test.each([
  [undefined, "a b"],
  [["*"], "a b"],
  [["*", "-a"], "b"],
  [["*", "c"], "a b c"],
  [["c"], "c"],
  [["-a", "*"], "b"],
])("%j runs %s", (wanted, want) => {
  expect(
    selectControllers(all, wanted)
      .map(({ name }) => name)
      .join(" "),
  ).toBe(want);
});

test("an unknown name is refused", () => {
  expect(() => selectControllers(all, ["*", "-d"])).toThrow('"d" is not in the list of known controllers');
});
