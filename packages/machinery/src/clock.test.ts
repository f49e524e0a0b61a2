import { describe, expect, it } from "vitest";
import { FakeClock, RealClock } from "./clock.ts";

describe("FakeClock", () => {
  it("runs timers in the order they fall due, at their time", async () => {
    const clock = new FakeClock(1000);
    const seen: string[] = [];
    clock.setTimeout(() => seen.push(`b@${clock.now()}`), 20);
    clock.setTimeout(() => seen.push(`a@${clock.now()}`), 10);
    clock.setTimeout(() => seen.push(`c@${clock.now()}`), 20);
    clock.setTimeout(() => seen.push("never"), 10).cancel();
    await clock.advance(19);
    expect(seen).toEqual(["a@1010"]);
    await clock.advance(1);
    expect(seen).toEqual(["a@1010", "b@1020", "c@1020"]);
    expect(clock.monotonic()).toBe(20);
    expect(clock.pending).toBe(0);
  });

  it("repeats intervals until they are cancelled, also from within", async () => {
    const clock = new FakeClock();
    let count = 0;
    const timer = clock.setInterval(() => {
      count++;
      if (count === 3) timer.cancel();
    }, 10);
    await clock.advance(25);
    expect(count).toBe(2);
    await clock.advance(100);
    expect(count).toBe(3);
    expect(clock.pending).toBe(0);
  });

  it("lets promises go on between timers", async () => {
    const clock = new FakeClock(0);
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10);
        seen.push(clock.now());
      }
    };
    const running = run();
    await clock.advance(30);
    await running;
    expect(seen).toEqual([10, 20, 30]);
  });

  it("wakes sleepers whose signal aborts, and leaves no timer", async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(1000, controller.signal);
    controller.abort(new Error("enough"));
    await expect(sleeping).rejects.toThrow("enough");
    await expect(clock.sleep(1, controller.signal)).rejects.toThrow("enough");
    expect(clock.pending).toBe(0);
  });
});

describe("RealClock", () => {
  it("tells time and wakes sleepers", async () => {
    const clock = new RealClock();
    const before = clock.monotonic();
    await clock.sleep(0);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(before);
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(60_000);
  });
});
