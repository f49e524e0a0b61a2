import { setImmediate as turn } from "node:timers/promises";
import type { Pod } from "@knots/api/core/v1";
import type { Clock, Logger } from "@knots/machinery";
import type { Cache } from "./cache/cache.ts";
import type { HttpExtender } from "./extender/http-extender.ts";
import { reportFailure } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { CycleState } from "./framework/cycle-state.ts";
import { fitErrorMessage } from "./framework/fit-error.ts";
import type { Diagnosis } from "./framework/fit-error.ts";
import { podInfo } from "./framework/pod-info.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import type { Profile } from "./framework/profile.ts";
import { errorStatus, isRejection, messageOf } from "./framework/status.ts";
import type { Status } from "./framework/status.ts";
import type { WaitingPods } from "./framework/waiting-pods.ts";
import type { SchedulerMetrics } from "./metrics.ts";
import type { QueuedPod, SchedulingQueue } from "./queue/scheduling-queue.ts";
import type { PodPlacer } from "./schedule-pod.ts";

/** Ms of work after which timers and sockets get their turn. */
const SLICE = 5;
/** Bindings under way; more would only queue up in the connection. */
const MAX_BINDINGS = 256;
/** In `rejectedBy`: any event may help. */
const ANY = "*";

export interface LoopParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cache: Cache;
  readonly queue: SchedulingQueue;
  readonly placer: PodPlacer;
  readonly metrics: SchedulerMetrics;
  readonly extenders: readonly HttpExtender[];
  readonly waitingPods: WaitingPods;
  profileOf(pod: Pod): Profile | undefined;
  /** The pod as the informer has it. */
  current(key: string): Pod | undefined;
}

/** Takes one pod after the other from the queue, chooses its node, and binds it while the next is looked at. */
export class SchedulingLoop implements AsyncDisposable {
  readonly #parts: LoopParts;
  readonly #bindings = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { queue, clock, logger, waitingPods } = this.#parts;
    let sliceStart = clock.monotonic();
    for (;;) {
      const queued = await queue.pop();
      if (queued === undefined) return;
      try {
        await this.#schedule(queued);
      } catch (error) {
        logger.error({ pod: queued.info.key, err: error }, "a scheduling cycle failed");
        queue.giveBack(queued, queued.info, new Set());
      }
      // Those that wait for permission ask nothing of the connection, and may wait for the pods yet to come.
      while (this.#bindings.size - waitingPods.size >= MAX_BINDINGS) await Promise.race(this.#bindings);
      if (clock.monotonic() - sliceStart >= SLICE) {
        await turn();
        sliceStart = clock.monotonic();
      }
    }
  }

  async #schedule(queued: QueuedPod): Promise<void> {
    const { queue, cache, placer, metrics } = this.#parts;
    const { info } = queued;
    const profile = this.#parts.profileOf(info.pod);
    const current = this.#current(info);
    if (profile === undefined || current === undefined || cache.isAssumed(info.uid)) return queue.done(info.uid);
    const state = new CycleState();
    const timer = metrics.startAttempt();
    const placed = placer.place(profile, state, info);
    // Only where it must: awaiting lets others change what was decided on.
    const placement = placed instanceof Promise ? await placed : placed;
    if (placement.kind === "failed") {
      timer("error");
      return this.#fail(profile, queued, placement.status, new Set());
    }
    if (placement.kind === "unfit") {
      await this.#unfit(profile, queued, state, placement.diagnosis);
      timer("unschedulable");
      return;
    }
    const { nodeName } = placement;
    cache.assume(info, nodeName);
    queue.nominator.delete(info.uid);
    const reserved = profile.reserve(state, info, nodeName);
    const permitted = reserved ?? profile.permit(state, info, nodeName);
    if (permitted !== undefined && "code" in permitted) {
      timer("error");
      return this.#bindingFailed(profile, queued, state, nodeName, permitted);
    }
    const binding = this.#bind(profile, queued, state, nodeName, permitted).then(timer);
    this.#bindings.add(binding);
    void binding.finally(() => this.#bindings.delete(binding));
  }

  /** Undefined when the pod is gone, is on its way out, or has a node. */
  #current(info: PodInfo): Pod | undefined {
    const pod = this.#parts.current(info.key);
    if (pod === undefined || pod.metadata?.uid !== info.uid) return undefined;
    return pod.metadata.deletionTimestamp !== undefined || pod.spec?.nodeName ? undefined : pod;
  }

  async #unfit(profile: Profile, queued: QueuedPod, state: CycleState, diagnosis: Diagnosis): Promise<void> {
    const { info } = queued;
    if (diagnosis.nodeCount === 0) {
      const failure: Failure = { reason: "Unschedulable", message: diagnosis.preFilterMessage };
      return this.#giveBack(profile, queued, failure, new Set([ANY]));
    }
    const rejectedBy = new Set(diagnosis.rejectedBy);
    let result;
    try {
      result = await profile.postFilter(state, info, diagnosis.rejected);
    } catch (error) {
      result = { status: errorStatus(error) };
    }
    const { status } = result;
    const failed = status !== undefined && !isRejection(status);
    if (failed) {
      this.#parts.logger.error({ pod: info.key, err: status.cause }, "preemption failed");
    }
    const message = fitErrorMessage(diagnosis, status === undefined ? "" : messageOf(status));
    const { nominatedNodeName } = result;
    await this.#giveBack(
      profile,
      queued,
      {
        reason: "Unschedulable",
        message,
        ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
      },
      failed ? new Set() : rejectedBy,
    );
  }

  async #bind(
    profile: Profile,
    queued: QueuedPod,
    state: CycleState,
    nodeName: string,
    permit: Promise<Status | undefined> | undefined,
  ): Promise<"scheduled" | "unschedulable" | "error"> {
    const { info } = queued;
    const { signal } = this.#abort;
    const binder = this.#parts.extenders.find((extender) => extender.binds && extender.isInterested(info));
    const bind = binder === undefined ? undefined : () => binder.bind(info, nodeName);
    const status = (await permit) ?? (await profile.bind(state, info, nodeName, signal, bind));
    if (status === undefined) {
      this.#parts.queue.done(info.uid);
      profile.handle.recorder.event(
        info.pod,
        "Normal",
        "Scheduled",
        `Successfully assigned ${info.key} to ${nodeName}`,
      );
      return "scheduled";
    }
    await this.#bindingFailed(profile, queued, state, nodeName, status);
    return isRejection(status) ? "unschedulable" : "error";
  }

  async #bindingFailed(
    profile: Profile,
    queued: QueuedPod,
    state: CycleState,
    nodeName: string,
    status: Status,
  ): Promise<void> {
    const { info } = queued;
    profile.unreserve(state, info, nodeName);
    this.#parts.cache.forget(info.uid);
    // What it held is free again for others.
    this.#parts.queue.event("AssignedPodDelete", info, undefined);
    const rejectedBy = new Set(isRejection(status) && status.plugin !== undefined ? [status.plugin] : []);
    await this.#fail(profile, queued, status, rejectedBy);
  }

  async #fail(profile: Profile, queued: QueuedPod, status: Status, rejectedBy: ReadonlySet<string>): Promise<void> {
    const rejected = isRejection(status);
    const message = messageOf(status);
    if (!rejected && !this.#abort.signal.aborted) {
      this.#parts.logger.warn({ pod: queued.info.key, plugin: status.plugin, err: message }, "a pod was not scheduled");
    }
    const failure: Failure = { reason: rejected ? "Unschedulable" : "SchedulerError", message };
    await this.#giveBack(profile, queued, failure, rejectedBy);
  }

  async #giveBack(
    profile: Profile,
    queued: QueuedPod,
    failure: Failure,
    rejectedBy: ReadonlySet<string>,
  ): Promise<void> {
    const { queue } = this.#parts;
    const current = this.#current(queued.info);
    if (current === undefined || this.#abort.signal.aborted) {
      queue.nominator.delete(queued.info.uid);
      return queue.done(queued.info.uid);
    }
    const info = podInfo(current);
    queue.giveBack(queued, info, rejectedBy);
    if (failure.nominatedNodeName === "") queue.nominator.delete(info.uid);
    else if (failure.nominatedNodeName !== undefined) queue.nominator.add(info, failure.nominatedNodeName);
    await reportFailure(profile.handle, info, failure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#parts.queue[Symbol.dispose]();
    this.#parts.waitingPods.rejectAll("the scheduler ends");
    await this.#running;
    this.#parts.waitingPods.rejectAll("the scheduler ends");
    await Promise.all(this.#bindings);
  }
}
