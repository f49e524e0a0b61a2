import { FakeClock } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { Deadlines } from "./deadlines.ts";

const late = (): Error => new Error("too late");

describe("Deadlines", () => {
  it("settles as the work does", async () => {
    const deadlines = new Deadlines(new FakeClock(), 60_000);
    await expect(deadlines.within(Promise.resolve(), late)).resolves.toBeUndefined();
    await expect(deadlines.within(Promise.reject(new Error("broken")), late)).rejects.toThrow("broken");
  });

  it("ends what takes too long, and only that", async () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock, 60_000);
    const outcomes: string[] = [];
    const start = (name: string): (() => void) => {
      let finish = (): void => undefined;
      const work = new Promise<void>((resolve) => (finish = resolve));
      deadlines.within(work, late).then(
        () => outcomes.push(`${name} done`),
        (error: Error) => outcomes.push(`${name} ${error.message}`),
      );
      return finish;
    };
    start("first");
    await clock.advance(30_000);
    const finish = start("second");
    await clock.advance(29_000);
    expect(outcomes).toEqual([]);
    await clock.advance(2_000);
    expect(outcomes).toEqual(["first too late"]);
    finish();
    await clock.advance(0);
    expect(outcomes).toEqual(["first too late", "second done"]);
  });

  it("keeps no timer while nothing runs", async () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock, 60_000);
    await deadlines.within(Promise.resolve(), late);
    await clock.advance(5_000);
    expect(clock.pending).toBe(0);
  });
});
