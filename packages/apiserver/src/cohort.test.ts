import { expect, test } from "vitest";
import { Cohort } from "./cohort.ts";

/** Tells in `seen` when which of them takes which step, and in which turn of the loop. */
async function walk(cohort: Cohort, names: readonly string[]): Promise<{ steps: string[]; turns: number[] }> {
  const steps: string[] = [];
  const turns: number[] = [];
  let turn = 0;
  let walking = names.length;
  const count = (): void => {
    turn++;
    if (walking > 0) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(
    names.map(async (name) => {
      await cohort.join();
      turns.push(turn);
      for (const step of [1, 2, 3]) {
        steps.push(`${name}${step}`);
        await Promise.resolve();
      }
      walking--;
    }),
  );
  return { steps, turns };
}

test("those who come in one turn go on step by step, side by side", async () => {
  const { steps, turns } = await walk(new Cohort(), ["a", "b", "c"]);
  expect(steps).toEqual(["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"]);
  expect(new Set(turns).size).toBe(1);
});

test("of too many the last go on in later turns, in their order", async () => {
  const { steps, turns } = await walk(new Cohort(2), ["a", "b", "c", "d", "e"]);
  expect(steps.filter((step) => step.endsWith("1"))).toEqual(["a1", "b1", "c1", "d1", "e1"]);
  expect(new Set(turns).size).toBe(3);
});

test("who comes while a cohort departs is in the next", async () => {
  const cohort = new Cohort();
  const seen: string[] = [];
  const late = cohort.join().then(async () => {
    const again = cohort.join().then(() => seen.push("again"));
    seen.push("first");
    await Promise.resolve();
    seen.push("first goes on");
    await again;
  });
  await late;
  expect(seen).toEqual(["first", "first goes on", "again"]);
});
