import { FakeClock, nullLogger, RealClock } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { runWorkers, WorkQueue } from "./work-queue.ts";

const make = (options: { baseDelayMs?: number; maxDelayMs?: number } = {}) => {
  const clock = new FakeClock(0);
  return { clock, queue: new WorkQueue({ clock, name: "test", ...options }) };
};

describe("a work queue", () => {
  it("gives each key once, the oldest first", async () => {
    const { queue } = make();
    for (const key of ["a", "b", "a"]) queue.add(key);
    expect([await queue.get(), await queue.get(), queue.length]).toEqual(["a", "b", 0]);
  });

  it("gives a key that is worked on again only once that is done", async () => {
    const { queue } = make();
    queue.add("a");
    await queue.get();
    queue.add("a");
    queue.add("a");
    expect(queue.length).toBe(0);
    queue.done("a");
    expect([queue.length, await queue.get()]).toEqual([1, "a"]);
    queue.done("a");
    expect(queue.length).toBe(0);
  });

  it("hands a key to whoever waits for one, which is then worked on", async () => {
    const { queue } = make();
    const waiting = queue.get();
    queue.add("a");
    queue.add("a");
    expect([await waiting, queue.length]).toEqual(["a", 0]);
    queue.done("a");
    expect(queue.length).toBe(1);
  });

  it("adds a key after a while; the earliest of several times counts", async () => {
    const { clock, queue } = make();
    queue.addAfter("a", 100);
    queue.addAfter("a", 50);
    queue.addAfter("a", 80);
    await clock.advance(49);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(await queue.get()).toBe("a");
    queue.done("a");
    await clock.advance(100);
    expect(queue.length).toBe(0);
  });

  it("waits twice as long after each failure, up to a bound, until the key did well", async () => {
    const { clock, queue } = make({ baseDelayMs: 10, maxDelayMs: 35 });
    for (const delay of [10, 20, 35, 35]) {
      queue.addRateLimited("a");
      await clock.advance(delay - 1);
      expect(queue.length).toBe(0);
      await clock.advance(1);
      await queue.get();
      queue.done("a");
    }
    expect(queue.numRequeues("a")).toBe(4);
    queue.forget("a");
    queue.addRateLimited("a");
    await clock.advance(10);
    expect(queue.length).toBe(1);
  });

  it("ends with what it holds, and takes nothing more", async () => {
    const { clock, queue } = make();
    queue.add("a");
    queue.addAfter("b", 10);
    queue.shutDown();
    queue.add("c");
    await clock.advance(10);
    expect([await queue.get(), await queue.get()]).toEqual(["a", undefined]);
    queue.add("a");
    queue.done("a");
    expect(await queue.get()).toBeUndefined();
  });

  it("lets the event loop turn while a key comes back at once, again and again", async () => {
    const queue = new WorkQueue({ clock: new RealClock(), name: "busy" });
    let rounds = 0;
    let turned = false;
    setImmediate(() => {
      turned = true;
      queue.shutDown();
    });
    const done = runWorkers(queue, {
      workers: 1,
      logger: nullLogger,
      reconcile() {
        // Without a turn this would never end.
        if (++rounds === 10_000) queue.shutDown();
        return Promise.resolve({ requeueAfterMs: 0 });
      },
    });
    queue.add("a");
    await done;
    expect(turned).toBe(true);
  });

  it("has workers that bring failures back and go on", async () => {
    const { clock, queue } = make({ baseDelayMs: 10 });
    const seen: string[] = [];
    const done = runWorkers(queue, {
      workers: 2,
      logger: nullLogger,
      reconcile(key) {
        seen.push(key);
        if (key === "bad" && seen.filter((each) => each === "bad").length < 3) return Promise.reject(new Error("no"));
        return Promise.resolve(key === "later" && seen.length < 4 ? { requeueAfterMs: 500 } : undefined);
      },
    });
    for (const key of ["bad", "good", "later"]) queue.add(key);
    for (let i = 0; i < 60; i++) await clock.advance(10);
    expect(seen.toSorted()).toEqual(["bad", "bad", "bad", "good", "later", "later"]);
    queue.shutDown();
    await done;
  });
});
