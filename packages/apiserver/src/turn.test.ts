import { expect, test } from "vitest";
import { LOOP, inTurns } from "./turn.ts";

test("those who wait for a turn get one each, in their order", async () => {
  const seen: string[] = [];
  let turns = 0;
  const count = (): void => {
    turns++;
    if (turns < 100) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(
    ["a", "b", "c"].map(async (name) => {
      for (let i = 0; i < 3; i++) {
        await LOOP.next();
        seen.push(`${name}${turns}`);
      }
    }),
  );
  expect(seen.map(([name]) => name).join("")).toBe("abcabcabc");
  expect(new Set(seen.map((each) => each.slice(1))).size).toBe(9);
});

test("work that is never over its turn is done at once, other work with pauses", async () => {
  function* work(): Generator<undefined, number> {
    for (let i = 0; i < 5; i++) yield;
    return 42;
  }
  let pauses = 0;
  const turn = (isOver: boolean) => ({
    isOver,
    next: async () => {
      pauses++;
    },
  });
  expect(await inTurns(work(), turn(false))).toBe(42);
  expect(pauses).toBe(0);
  expect(await inTurns(work(), turn(true))).toBe(42);
  expect(pauses).toBe(6);
});
