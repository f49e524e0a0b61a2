import type { Pod } from "@knots/api/core/v1";
import type { Clock, Logger, Timer } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { type PodHandlers, PodWorkers, type StepResult, type WorkerView } from "./pod-workers.ts";

/** Timers fire when they are told to. */
class ManualClock implements Pick<Clock, "now" | "monotonic" | "setTimeout" | "sleep"> {
  readonly timers: { fn: () => void; ms: number }[] = [];
  now(): number {
    return 0;
  }
  monotonic(): number {
    return 0;
  }
  setTimeout(fn: () => void, ms: number): Timer {
    const timer = { fn, ms };
    this.timers.push(timer);
    return { cancel: () => void this.timers.splice(this.timers.indexOf(timer) >>> 0, 1) };
  }
  sleep(): Promise<void> {
    return Promise.resolve();
  }
  fire(): void {
    this.timers.shift()?.fn();
  }
}

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;
const pod = (name: string, meta: Pod["metadata"] = {}): Pod => ({
  metadata: { name, uid: name, ...meta },
  spec: { containers: [] },
});
/** Lets everything that is ready run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function set(over: Partial<PodHandlers> = {}) {
  const calls: string[] = [];
  const clock = new ManualClock();
  const handlers: PodHandlers = {
    sync: (worker) => {
      calls.push(`sync ${worker.uid}`);
      return Promise.resolve({});
    },
    terminate: (worker, grace) => {
      calls.push(`terminate ${worker.uid} ${grace}`);
      return Promise.resolve();
    },
    hasten: (worker, grace) => {
      calls.push(`hasten ${worker.uid} ${grace}`);
      return Promise.resolve();
    },
    release: (worker) => {
      calls.push(`release ${worker.uid}`);
      return Promise.resolve();
    },
    finished: (worker) => void calls.push(`finished ${worker.uid}`),
    forgotten: (worker) => void calls.push(`forgotten ${worker.uid}`),
    ...over,
  };
  const workers = new PodWorkers({ handlers, clock: clock as unknown as Clock, logger: quiet });
  return { workers, calls, clock, handlers };
}

describe("PodWorkers", () => {
  it("lives through all phases of a graceful deletion", async () => {
    const { workers, calls } = set();
    workers.update(pod("a"));
    await settle();
    workers.update(pod("a", { deletionTimestamp: "t", deletionGracePeriodSeconds: 7 }));
    await settle();
    expect(calls).toEqual(["sync a", "terminate a 7", "release a", "finished a"]);
    workers.remove("a");
    expect(calls.at(-1)).toBe("forgotten a");
    expect(workers.list()).toEqual([]);
  });

  it("folds what arrives during a step into one next step", async () => {
    let release = (): void => undefined;
    let steps = 0;
    const { workers } = set({
      sync: () => {
        steps += 1;
        return new Promise<StepResult>((resolve) => {
          release = () => resolve({});
        });
      },
    });
    workers.update(pod("a"));
    await settle();
    for (let i = 0; i < 5; i += 1) workers.poke("a");
    release();
    await settle();
    expect(steps).toBe(2);
  });

  it("does not let a pod that hangs hold up another", async () => {
    const done: string[] = [];
    const { workers } = set({
      sync: (worker: WorkerView) =>
        worker.uid === "stuck"
          ? new Promise<StepResult>(() => undefined)
          : Promise.resolve(done.push(worker.uid)).then(() => ({})),
    });
    workers.update(pod("stuck"));
    workers.update(pod("quick"));
    await settle();
    expect(done).toEqual(["quick"]);
  });

  it("tries again after a failure, later each time", async () => {
    const waits: number[] = [];
    const { workers, clock } = set({ sync: () => Promise.reject(new Error("no")) });
    workers.update(pod("a"));
    for (let i = 0; i < 6; i += 1) {
      await settle();
      waits.push(clock.timers[0]?.ms ?? -1);
      clock.fire();
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  it("ends a pod whose containers have ended, and keeps it until it is deleted", async () => {
    const { workers, calls } = set({ sync: () => Promise.resolve({ terminal: true }) });
    workers.update(pod("a"));
    await settle();
    expect(workers.get("a")?.phase).toBe("finished");
    workers.update(pod("a", { deletionTimestamp: "t" }));
    expect(calls.filter((call) => call === "finished a")).toHaveLength(2);
    expect(calls.filter((call) => call.startsWith("terminate"))).toHaveLength(1);
  });

  it("hastens a termination under way when the grace period gets shorter, not when it gets longer", async () => {
    const { workers, calls } = set({ terminate: () => new Promise<void>(() => undefined) });
    workers.update(pod("a", { deletionTimestamp: "t", deletionGracePeriodSeconds: 30 }));
    await settle();
    workers.update(pod("a", { deletionTimestamp: "t", deletionGracePeriodSeconds: 60 }));
    workers.update(pod("a", { deletionTimestamp: "t", deletionGracePeriodSeconds: 1 }));
    await settle();
    expect(calls).toEqual(["hasten a 1"]);
  });

  it("keeps the first reason for ending a pod", async () => {
    const { workers } = set({ terminate: () => new Promise<void>(() => undefined) });
    workers.update(pod("a"));
    await settle();
    workers.terminate("a", { reason: "Evicted", message: "m" });
    workers.terminate("a", { reason: "Other", message: "m" });
    await settle();
    expect(workers.get("a")).toMatchObject({ phase: "terminating", termination: { reason: "Evicted" } });
  });
});
