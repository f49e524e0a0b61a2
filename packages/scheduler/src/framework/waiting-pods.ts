import type { Clock, Timer } from "@knots/machinery";
import type { PodInfo } from "./pod-info.ts";
import { unschedulable } from "./status.ts";
import type { Status } from "./status.ts";

/** No plug-in holds a pod for longer, ms. */
const MAX_TIMEOUT = 15 * 60_000;

/** A plug-in that wants the pod to wait, and for how long at most, ms. */
export interface Wait {
  readonly plugin: string;
  readonly timeoutMs: number;
}

/** A pod that has its node, and is held back by Permit plug-ins: bound once all of them allow it. */
export class WaitingPod {
  readonly info: PodInfo;
  readonly nodeName: string;
  /** Undefined: bind it. A rejection otherwise. */
  readonly settled: Promise<Status | undefined>;
  readonly #timers = new Map<string, Timer>();
  readonly #settle: (status: Status | undefined) => void;

  constructor(info: PodInfo, nodeName: string, waits: readonly Wait[], clock: Clock) {
    this.info = info;
    this.nodeName = nodeName;
    const { promise, resolve } = Promise.withResolvers<Status | undefined>();
    this.settled = promise;
    this.#settle = resolve;
    for (const { plugin, timeoutMs } of waits) {
      const ms = Math.min(timeoutMs, MAX_TIMEOUT);
      const late = (): void =>
        this.reject(plugin, `rejected due to timeout after waiting ${ms / 1000}s at plugin ${plugin}`);
      this.#timers.set(plugin, clock.setTimeout(late, ms));
    }
  }

  /** Who has not allowed it yet. */
  get pendingPlugins(): string[] {
    return [...this.#timers.keys()];
  }

  allow(plugin: string): void {
    const timer = this.#timers.get(plugin);
    if (timer === undefined) return;
    timer.cancel();
    this.#timers.delete(plugin);
    if (this.#timers.size === 0) this.#settle(undefined);
  }

  reject(plugin: string, message: string): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    const said = `pod ${JSON.stringify(this.info.name)} rejected while waiting on permit: ${message}`;
    this.#settle({ ...unschedulable(said), plugin });
  }
}

/** All pods that wait, of all profiles: a plug-in may look for the others of a group. */
export class WaitingPods {
  readonly #clock: Clock;
  readonly #pods = new Map<string, WaitingPod>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#pods.size;
  }

  [Symbol.iterator](): IterableIterator<WaitingPod> {
    return this.#pods.values();
  }

  get(uid: string): WaitingPod | undefined {
    return this.#pods.get(uid);
  }

  /** Holds the pod until it is allowed or rejected. */
  add(info: PodInfo, nodeName: string, waits: readonly Wait[]): WaitingPod {
    const waiting = new WaitingPod(info, nodeName, waits, this.#clock);
    this.#pods.set(info.uid, waiting);
    void waiting.settled.then(() => this.#pods.delete(info.uid));
    return waiting;
  }

  /** False where no such pod waits. */
  reject(uid: string, plugin: string, message: string): boolean {
    const waiting = this.#pods.get(uid);
    waiting?.reject(plugin, message);
    return waiting !== undefined;
  }

  rejectAll(message: string): void {
    for (const waiting of this.#pods.values()) waiting.reject("", message);
  }
}
