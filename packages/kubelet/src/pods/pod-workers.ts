/**
 * A worker per pod: it lives through sync → terminating → terminated → finished, one step at a time, and no pod ever waits for
 * another. Updates that arrive during a step are folded into the next one.
 */
import type { Pod } from "@knots/api/core/v1";
import type { Clock, Logger, Timer } from "@knots/machinery";
import type { Verdict } from "../status/conditions.ts";

export type WorkerPhase = "sync" | "terminating" | "terminated" | "finished";

/** Why and how a pod is ended before its time. */
export interface Termination {
  readonly reason: string;
  readonly message: string;
  readonly graceSeconds?: number;
  /** A condition that tells why, such as DisruptionTarget. */
  readonly condition?: Verdict;
}

export interface WorkerView {
  readonly uid: string;
  /** The newest version that is known. */
  readonly pod: Pod;
  readonly phase: WorkerPhase;
  /** Set when the node ends the pod: rejected, evicted, past its deadline. */
  readonly termination: Termination | undefined;
  /** The pod is not in its source any more. */
  readonly removed: boolean;
  /** Aborted when the pod is to end: what `sync` is doing is not wanted any more. */
  readonly signal: AbortSignal;
}

export interface StepResult {
  /** The pod's containers have all ended for good. */
  readonly terminal?: boolean;
  /** Do it again after this many milliseconds; otherwise at the next change or resync. */
  readonly retryAfterMs?: number | undefined;
}

export interface PodHandlers {
  /** Make it run. */
  sync(worker: WorkerView): Promise<StepResult>;
  /** Stop everything; resolves when nothing of the pod runs. */
  terminate(worker: WorkerView, graceSeconds: number | undefined): Promise<void>;
  /** A termination under way shall take no longer than this. */
  hasten(worker: WorkerView, graceSeconds: number): Promise<void>;
  /** Release what the pod held on the node: volumes, cgroup. Resolves when done. */
  release(worker: WorkerView): Promise<void>;
  /** The worker has finished, or a finished worker's pod was changed (it may now be marked for deletion). */
  finished(worker: WorkerView): void;
  /** The pod is gone from its source and finished: forget everything. */
  forgotten(worker: WorkerView): void;
}

export interface PodWorkersOptions {
  readonly handlers: PodHandlers;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Without any news a pod is looked at again this often; a minute where it is absent. */
  readonly resyncMs?: number;
}

interface Worker {
  uid: string;
  pod: Pod;
  phase: WorkerPhase;
  termination: Termination | undefined;
  removed: boolean;
  pending: boolean;
  running: boolean;
  /** Grace period in force while terminating. */
  grace: number | undefined;
  failures: number;
  timer: Timer | undefined;
  readonly abort: AbortController;
  readonly signal: AbortSignal;
}

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 10_000;
const RESYNC_MS = 60_000;

export class PodWorkers implements AsyncDisposable {
  readonly #options: PodWorkersOptions;
  readonly #workers = new Map<string, Worker>();
  #stopped = false;
  readonly #running = new Set<Promise<void>>();

  constructor(options: PodWorkersOptions) {
    this.#options = options;
  }

  get(uid: string): WorkerView | undefined {
    return this.#workers.get(uid);
  }

  list(): WorkerView[] {
    return [...this.#workers.values()];
  }

  /** A pod is new or changed in its source. */
  update(pod: Pod): void {
    const uid = pod.metadata?.uid ?? "";
    let worker = this.#workers.get(uid);
    if (worker === undefined) {
      const abort = new AbortController();
      worker = {
        abort,
        signal: abort.signal,
        uid,
        pod,
        phase: "sync",
        termination: undefined,
        removed: false,
        pending: false,
        running: false,
        grace: undefined,
        failures: 0,
        timer: undefined,
      };
      this.#workers.set(uid, worker);
    }
    worker.pod = pod;
    if (worker.phase === "finished") {
      this.#options.handlers.finished(worker);
      return;
    }
    this.#hasten(worker);
    this.#wake(worker);
  }

  /** A version of the pod that differs in nothing that bears on how it runs: remembered, no reason for a step. */
  note(pod: Pod): void {
    const worker = this.#workers.get(pod.metadata?.uid ?? "");
    if (worker !== undefined) worker.pod = pod;
  }

  /** The runtime or a probe has news of the pod. */
  poke(uid: string): void {
    const worker = this.#workers.get(uid);
    if (worker !== undefined && worker.phase !== "finished") this.#wake(worker);
  }

  /** The node ends the pod; the first reason stays. */
  terminate(uid: string, termination: Termination): void {
    const worker = this.#workers.get(uid);
    if (worker === undefined || worker.termination !== undefined || worker.phase !== "sync") return;
    worker.termination = termination;
    this.#wake(worker);
  }

  /** The pod is not in its source any more. */
  remove(uid: string): void {
    const worker = this.#workers.get(uid);
    if (worker === undefined) return;
    worker.removed = true;
    if (worker.phase === "finished") this.#forget(worker);
    else this.#wake(worker);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    for (const worker of this.#workers.values()) worker.timer?.cancel();
    // Running steps are left to end by themselves: pods outlive the kubelet.
    await Promise.race([Promise.all(this.#running), this.#options.clock.sleep(2_000)]);
  }

  /** A deletion that was repeated with a shorter grace period is carried out beside the one under way. */
  #hasten(worker: Worker): void {
    const grace = worker.pod.metadata?.deletionGracePeriodSeconds;
    if (
      worker.phase !== "terminating" ||
      !worker.running ||
      grace === undefined ||
      worker.grace === undefined ||
      grace >= worker.grace
    )
      return;
    worker.grace = grace;
    this.#options.handlers.hasten(worker, grace).catch((error: unknown) => {
      this.#options.logger.warn({ pod: worker.pod.metadata?.name, error }, "hastened termination failed");
    });
  }

  #wake(worker: Worker): void {
    if (mustEnd(worker)) worker.abort.abort();
    worker.pending = true;
    if (worker.running || this.#stopped) return;
    worker.running = true;
    const run = this.#run(worker).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #run(worker: Worker): Promise<void> {
    const { clock, logger } = this.#options;
    while (worker.pending && !this.#stopped && worker.phase !== "finished") {
      worker.pending = false;
      worker.timer?.cancel();
      let again: number;
      try {
        again = (await this.#step(worker)) ?? this.#options.resyncMs ?? RESYNC_MS;
        worker.failures = 0;
      } catch (error) {
        again = Math.min(FIRST_RETRY_MS * 2 ** worker.failures, MAX_RETRY_MS);
        worker.failures += 1;
        logger.warn(
          { pod: `${worker.pod.metadata?.namespace}/${worker.pod.metadata?.name}`, phase: worker.phase, error },
          "error syncing pod, retrying",
        );
      }
      if (!worker.pending && !this.#isFinished(worker) && !this.#stopped) {
        worker.timer = clock.setTimeout(() => this.#wake(worker), again);
      }
    }
    worker.running = false;
  }

  #isFinished(worker: Worker): boolean {
    return worker.phase === "finished";
  }

  async #step(worker: Worker): Promise<number | undefined> {
    const { handlers } = this.#options;
    if (worker.phase === "sync" && mustEnd(worker)) worker.phase = "terminating";
    switch (worker.phase) {
      case "sync": {
        const result = await handlers.sync(worker);
        if (result.terminal === true) {
          worker.phase = "terminating";
          worker.pending = true;
        }
        return result.retryAfterMs;
      }
      case "terminating":
        worker.grace =
          worker.termination?.graceSeconds ??
          worker.pod.metadata?.deletionGracePeriodSeconds ??
          worker.pod.spec?.terminationGracePeriodSeconds;
        await handlers.terminate(worker, worker.grace);
        worker.phase = "terminated";
        worker.pending = true;
        return undefined;
      case "terminated":
        await handlers.release(worker);
        worker.phase = "finished";
        handlers.finished(worker);
        if (worker.removed) this.#forget(worker);
        return undefined;
      case "finished":
        return undefined;
    }
  }

  #forget(worker: Worker): void {
    worker.timer?.cancel();
    this.#workers.delete(worker.uid);
    this.#options.handlers.forgotten(worker);
  }
}

function mustEnd(worker: WorkerView): boolean {
  return worker.removed || worker.termination !== undefined || worker.pod.metadata?.deletionTimestamp !== undefined;
}
