import type { Clock, Timer } from "@knots/machinery";
import type { ClusterEvent } from "../framework/events.ts";
import type { Queued } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { EventLog } from "./event-log.ts";
import { Heap } from "./heap.ts";
import { Nominator } from "./nominator.ts";

export interface QueuedPod extends Queued {
  info: PodInfo;
  timestamp: number;
  /** When it first came, ms. */
  readonly firstSeen: number;
  /** Tries so far. */
  attempts: number;
  /** Plug-ins that rejected it at the last try; empty: it failed by an error. */
  rejectedBy: ReadonlySet<string>;
  /** Held back by PreEnqueue. */
  gated: boolean;
}

export interface SchedulingQueueOptions {
  readonly clock: Clock;
  compare(a: Queued, b: Queued): number;
  /** The PreEnqueue plug-in that holds the pod back, if any. */
  gatedBy(info: PodInfo): string | undefined;
  /** Whether an event may make this pod schedulable (asks the plug-ins that rejected it). */
  concerns(pod: QueuedPod, event: ClusterEvent, old: unknown, current: unknown): boolean;
  readonly initialBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** After so long in the unschedulable set a pod is tried again even though nothing happened. */
  readonly maxUnschedulableMs?: number;
}

const FLUSH_PERIOD = 30_000;

/**
 * Pods waiting for a node, in three places: `active` (next by priority), `backoff` (tried lately, their time comes) and
 * `unschedulable` (nothing has happened that could help them). An event moves a pod on; each failed try doubles its back-off.
 */
export class SchedulingQueue implements Disposable {
  readonly nominator = new Nominator();
  readonly #options: SchedulingQueueOptions;
  readonly #initialBackoff: number;
  readonly #maxBackoff: number;
  readonly #active: Heap<QueuedPod>;
  readonly #backoff: Heap<QueuedPod>;
  /** Failed by an error (the API server's, a plug-in's): these always wait out their back-off. */
  readonly #errorBackoff: Heap<QueuedPod>;
  readonly #unschedulable = new Map<string, QueuedPod>();
  /** Taken out and not yet bound or given back, with the events that came meanwhile. */
  readonly #inFlight = new EventLog();
  #waiting: ((pod: QueuedPod | undefined) => void) | undefined;
  #backoffTimer: Timer | undefined;
  #flushTimer: Timer | undefined;
  #closed = false;

  constructor(options: SchedulingQueueOptions) {
    this.#options = options;
    this.#initialBackoff = options.initialBackoffMs ?? 1000;
    this.#maxBackoff = options.maxBackoffMs ?? 10_000;
    const keyOf = (pod: QueuedPod): string => pod.info.uid;
    this.#active = new Heap(keyOf, (a, b) => options.compare(a, b) < 0);
    const sooner = (a: QueuedPod, b: QueuedPod): boolean => this.backoffEnd(a) < this.backoffEnd(b);
    this.#backoff = new Heap(keyOf, sooner);
    this.#errorBackoff = new Heap(keyOf, sooner);
  }

  get sizes(): { active: number; backoff: number; unschedulable: number; gated: number } {
    let gated = 0;
    for (const pod of this.#unschedulable.values()) if (pod.gated) gated++;
    return {
      active: this.#active.size,
      backoff: this.#backoff.size + this.#errorBackoff.size,
      unschedulable: this.#unschedulable.size - gated,
      gated,
    };
  }

  /** When the pod may be tried again, ms: 1 s after its first failure, doubling up to 10 s. */
  backoffEnd(pod: QueuedPod): number {
    if (pod.attempts === 0) return pod.timestamp;
    return pod.timestamp + Math.min(this.#maxBackoff, this.#initialBackoff * 2 ** Math.min(pod.attempts - 1, 20));
  }

  #find(uid: string): QueuedPod | undefined {
    return (
      this.#active.get(uid) ?? this.#backoff.get(uid) ?? this.#errorBackoff.get(uid) ?? this.#unschedulable.get(uid)
    );
  }

  /** A new pod, or a new version of one. */
  put(info: PodInfo, helps: boolean): void {
    this.nominator.update(info);
    const known = this.#find(info.uid);
    if (known === undefined) {
      if (this.#inFlight.has(info.uid)) {
        this.#inFlight.add({ event: "PodUpdate", old: undefined, current: info, uid: info.uid });
        return;
      }
      const now = this.#options.clock.now();
      this.#enter({
        info,
        timestamp: now,
        firstSeen: now,
        attempts: 0,
        rejectedBy: new Set(),
        gated: false,
      });
      return;
    }
    known.info = info;
    if (this.#active.get(info.uid) !== undefined) this.#active.set(known);
    else if (this.#unschedulable.has(info.uid) && (known.gated || helps)) this.#moveOn(known);
  }

  /** Into the active heap, or the gated set. */
  #enter(pod: QueuedPod): void {
    const gate = this.#options.gatedBy(pod.info);
    pod.gated = gate !== undefined;
    if (gate !== undefined) {
      pod.rejectedBy = new Set([gate]);
      this.#unschedulable.set(pod.info.uid, pod);
      return;
    }
    this.#active.set(pod);
    this.#serve();
  }

  #moveOn(pod: QueuedPod): void {
    this.#unschedulable.delete(pod.info.uid);
    if (!pod.gated && this.backoffEnd(pod) > this.#options.clock.now()) this.#wait(pod);
    else this.#enter(pod);
  }

  #wait(pod: QueuedPod): void {
    (pod.rejectedBy.size === 0 ? this.#errorBackoff : this.#backoff).set(pod);
    this.#armBackoff();
    this.#serve();
  }

  delete(uid: string): void {
    this.nominator.delete(uid);
    this.#active.delete(uid);
    this.#backoff.delete(uid);
    this.#errorBackoff.delete(uid);
    this.#unschedulable.delete(uid);
  }

  /** Something happened: pods that it may help are moved on. */
  event(event: ClusterEvent, old?: unknown, current?: unknown): void {
    for (const pod of this.#unschedulable.values()) {
      // Gates are looked at again when the pod changes; only claims come about without that.
      if (pod.gated && event !== "ResourceClaimChange") continue;
      if (this.#options.concerns(pod, event, old, current)) this.#moveOn(pod);
    }
    this.#inFlight.add({ event, old, current });
  }

  /** These pods are tried as soon as their back-off is over, whatever rejected them. */
  activate(uids: Iterable<string>): void {
    for (const uid of uids) {
      const pod = this.#unschedulable.get(uid);
      if (pod !== undefined && !pod.gated) this.#moveOn(pod);
    }
  }

  /** The next pod; waits for one. Undefined when the queue is closed. */
  pop(): Promise<QueuedPod | undefined> {
    if (this.#waiting !== undefined) throw new Error("only one may take pods from a scheduling queue");
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#serve();
    });
  }

  #serve(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (this.#closed) {
      this.#waiting = undefined;
      waiting(undefined);
      return;
    }
    // Nobody else is waiting: why let the pod? Its back-off is there to let others go first.
    const pod = this.#active.pop() ?? this.#backoff.pop();
    if (pod === undefined) return;
    this.#waiting = undefined;
    pod.attempts++;
    this.#inFlight.begin(pod.info.uid);
    waiting(pod);
  }

  /** The pod is bound, or needs no node any more. */
  done(uid: string): void {
    this.#inFlight.drop(uid);
  }

  /**
   * The try failed. `current` is the pod as it is now. An event that came during the try and may have helped sends it to
   * back-off at once: nothing may be missed between looking and giving back. An error is tried again after back-off too.
   */
  giveBack(pod: QueuedPod, current: PodInfo, rejectedBy: ReadonlySet<string>): void {
    const { uid } = pod.info;
    const events = this.#inFlight.end(uid);
    if (this.#closed) return;
    pod.info = current;
    pod.rejectedBy = rejectedBy;
    pod.timestamp = this.#options.clock.now();
    this.nominator.update(current);
    const gate = this.#options.gatedBy(current);
    pod.gated = gate !== undefined;
    if (gate !== undefined) pod.rejectedBy = new Set([gate]);
    const missed =
      rejectedBy.size === 0 ||
      events.some(({ event, old, current: now }) => this.#options.concerns(pod, event, old, now));
    if (!pod.gated && missed) this.#wait(pod);
    else {
      this.#unschedulable.set(uid, pod);
      this.#armFlush();
    }
  }

  #armBackoff(): void {
    this.#backoffTimer?.cancel();
    this.#backoffTimer = undefined;
    const ends = [this.#backoff, this.#errorBackoff].flatMap((heap) => {
      const first = heap.peek();
      return first === undefined ? [] : [this.backoffEnd(first)];
    });
    if (ends.length === 0 || this.#closed) return;
    const wait = Math.max(0, Math.min(...ends) - this.#options.clock.now());
    this.#backoffTimer = this.#options.clock.setTimeout(() => this.#flushBackoff(), wait);
  }

  #flushBackoff(): void {
    const now = this.#options.clock.now();
    for (const heap of [this.#backoff, this.#errorBackoff]) {
      for (;;) {
        const first = heap.peek();
        if (first === undefined || this.backoffEnd(first) > now) break;
        heap.pop();
        this.#enter(first);
      }
    }
    this.#armBackoff();
  }

  #armFlush(): void {
    if (this.#flushTimer !== undefined || this.#closed) return;
    this.#flushTimer = this.#options.clock.setTimeout(() => {
      this.#flushTimer = undefined;
      const before = this.#options.clock.now() - (this.#options.maxUnschedulableMs ?? 5 * 60_000);
      for (const pod of this.#unschedulable.values()) if (!pod.gated && pod.timestamp <= before) this.#moveOn(pod);
      if (this.#unschedulable.size > 0) this.#armFlush();
    }, FLUSH_PERIOD);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#backoffTimer?.cancel();
    this.#flushTimer?.cancel();
    this.#serve();
  }
}
