import type { Job } from "@knots/api/batch/v1";
import { jobs } from "@knots/api/batch/v1";
import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { Expectations, WorkQueue, runWorkers } from "@knots/client";
import type { EventRecorder, Informer } from "@knots/client";
import { getControllerOf, isConflict, selectorFromLabelSelector } from "@knots/machinery";
import { claimCandidates, controlledBy, ownedInformer } from "../framework/informers.ts";
import { keyOf, metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { OwnWrites } from "../framework/own-writes.ts";
import { resolveOwner, watchOwned } from "../framework/owned-events.ts";
import { PodControl } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import { claimObjects } from "../framework/ref-manager.ts";
import type { Controller, ControllerContext } from "../framework/types.ts";
import type { BackoffRecord } from "./backoff.ts";
import { JobPods } from "./job-pods.ts";
import { hasTrackingFinalizer, isFinished, JOB_TRACKING_FINALIZER } from "./pods.ts";
import { syncJob } from "./sync.ts";
import { jobControllerRef } from "./template.ts";

/** Pod events of this span become one reconciliation: a Job of many short pods would write its status for each. */
const SYNC_BATCH_PERIOD = 1000;
/** Back-off of a Job whose reconciliation failed: the server's errors, not the pods'. */
const API_BACKOFF = 1000;
const MAX_API_BACKOFF = 60_000;
const BUILT_IN = "kubernetes.io/job-controller";

/** Runs each Job's pods to completion, and counts each of them exactly once. */
export class JobController implements Controller {
  readonly name = "job-controller";
  readonly #ctx: ControllerContext;
  readonly #queue: QueueController;
  /** Keys of pods that hold our finalizer and have no Job any more. */
  readonly #orphans: WorkQueue;
  readonly #abort = new AbortController();
  readonly #jobs: Informer<Job>;
  readonly #pods: Informer<Pod>;
  readonly #expectations: Expectations;
  readonly #writes = new OwnWrites();
  readonly #recorder: EventRecorder;
  readonly #jobPods: JobPods;
  readonly #backoff = new Map<string, BackoffRecord>();
  /** Uids, by Job uid, whose finalizer we took off and whose update the cache has yet to show. */
  readonly #finalizerRemoved = new Map<string, Set<string>>();
  #orphanWorkers: Promise<void> | undefined;

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#jobs = ctx.informers.informer(jobs);
    this.#pods = ownedInformer(ctx, pods);
    this.#expectations = new Expectations({ clock: ctx.clock });
    this.#recorder = ctx.recorder("job-controller");
    this.#jobPods = new JobPods(ctx.client, new PodControl(ctx.client, this.#recorder), this.#expectations);
    this.#queue = new QueueController({
      name: this.name,
      ctx,
      workers: concurrency(ctx.options, "job"),
      baseDelayMs: API_BACKOFF,
      maxDelayMs: MAX_API_BACKOFF,
      reconcile: (key) => this.reconcile(key),
    });
    this.#orphans = ctx.queues.queue({ clock: ctx.clock, name: "job-orphan-pods" });
    this.#subscribe();
  }

  #subscribe(): void {
    const queue = this.#queue;
    const batched = (job: Job): void => queue.enqueueAfter(job, SYNC_BATCH_PERIOD);
    queue.own(
      this.#jobs.addHandler({
        add: (job) => queue.enqueue(job),
        update: (_old, job) => {
          if (isFinished(job)) this.#orphanAll(job);
          queue.enqueue(job);
        },
        delete: (job) => {
          this.#forget(keyOf(job), job.metadata?.uid);
          this.#orphanAll(job);
          queue.enqueue(job);
        },
      }),
    );
    queue.own(
      watchOwned<Pod, Job>({
        informer: this.#pods,
        resolve: (ref, namespace) => resolveOwner(ref, namespace, "Job", (key) => this.#jobs.lister.get(key)),
        mayAdopt: (pod) =>
          this.#jobs.lister
            .list(pod.metadata?.namespace ?? "")
            .filter((job) => selectorFromLabelSelector(job.spec?.selector).matches(pod.metadata?.labels ?? {})),
        added: (job) => {
          this.#expectations.creationObserved(keyOf(job));
          batched(job);
        },
        updated: (job, pod) => {
          if (!hasTrackingFinalizer(pod)) this.#removalSeen(metaOf(job).uid, pod);
          batched(job);
        },
        deleted: (job, pod, gone) => {
          this.#expectations.deletionObserved(keyOf(job), metaOf(pod).uid);
          if (gone || !hasTrackingFinalizer(pod)) this.#removalSeen(metaOf(job).uid, pod);
          batched(job);
        },
        changed: (job) => queue.enqueue(job),
      }),
    );
    const orphan = (pod: Pod): void => this.#queueIfOrphan(pod);
    queue.own(this.#pods.addHandler({ add: orphan, update: (_old, pod) => orphan(pod) }));
  }

  start(): void {
    // Pods seen before their Jobs were: only now can be told which of them have none.
    for (const pod of this.#pods.lister.list()) this.#queueIfOrphan(pod);
    this.#queue.start();
    this.#orphanWorkers = runWorkers(this.#orphans, {
      workers: 1,
      reconcile: (key) => this.reconcileOrphan(key),
      logger: this.#ctx.logger,
      signal: this.#abort.signal,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#orphans.shutDown();
    await this.#queue[Symbol.asyncDispose]();
    await this.#orphanWorkers;
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const job = this.#jobs.lister.get(key);
    if (job === undefined) {
      this.#forget(key, undefined);
      return;
    }
    if (this.#writes.isStale(job)) return;
    if (isFinished(job)) {
      this.#backoff.delete(key);
      return;
    }
    if (job.spec?.managedBy !== undefined && job.spec.managedBy !== BUILT_IN) return;
    const { uid, namespace, name } = metaOf(job);
    const settled = this.#expectations.satisfied(key);
    const claimed = await claimObjects(claimCandidates(this.#pods, job), {
      owner: job,
      controllerRef: jobControllerRef(job),
      selector: selectorFromLabelSelector(job.spec?.selector),
      finalizers: [JOB_TRACKING_FINALIZER],
      client: this.#ctx.client.resource(pods, namespace),
      getLiveOwner: () => this.#ctx.client.resource(jobs, namespace).get(name),
    });
    try {
      const result = await syncJob(key, job, claimed, {
        client: this.#ctx.client,
        recorder: this.#recorder,
        pods: this.#jobPods,
        now: this.#ctx.clock.now(),
        writes: this.#writes,
        settled,
        backoff: this.#backoff.get(key),
        finalizerRemoved: new Set(this.#finalizerRemoved.get(uid)),
        counted: (record) => this.#backoff.set(key, record),
        released: (uids) => this.#expectRemovals(uid, uids),
      });
      if (result.error !== undefined) throw result.error;
      if (result.requeueAfterMs !== undefined) return { requeueAfterMs: result.requeueAfterMs };
    } catch (error) {
      // The cache lags behind; another look in a moment is all it takes, and no failure of the Job's.
      if (isConflict(error)) return { requeueAfterMs: SYNC_BATCH_PERIOD };
      throw error;
    }
  }

  /** Takes the finalizer off a pod whose Job is gone or finished. */
  async reconcileOrphan(key: string): Promise<void> {
    const pod = this.#pods.lister.get(key);
    if (pod === undefined || !this.#isOrphan(pod)) return;
    await this.#jobPods.removeFinalizer(pod);
  }

  #isOrphan(pod: Pod): boolean {
    if (!hasTrackingFinalizer(pod)) return false;
    const ref = getControllerOf(pod);
    if (ref === undefined) return this.#selecting(pod).length === 0;
    if (ref.kind !== "Job") return false;
    const job = resolveOwner(ref, pod.metadata?.namespace ?? "", "Job", (jobKey) => this.#jobs.lister.get(jobKey));
    return job === undefined || isFinished(job);
  }

  #selecting(pod: Pod): Job[] {
    return this.#jobs.lister
      .list(pod.metadata?.namespace ?? "")
      .filter((job) => selectorFromLabelSelector(job.spec?.selector).matches(pod.metadata?.labels ?? {}));
  }

  #queueIfOrphan(pod: Pod): void {
    if (hasTrackingFinalizer(pod) && this.#jobs.hasSynced && this.#isOrphan(pod)) this.#orphans.add(keyOf(pod));
  }

  #orphanAll(job: Job): void {
    for (const pod of controlledBy(this.#pods, job)) if (hasTrackingFinalizer(pod)) this.#orphans.add(keyOf(pod));
  }

  #forget(key: string, uid: string | undefined): void {
    this.#expectations.delete(key);
    this.#backoff.delete(key);
    if (uid !== undefined) this.#finalizerRemoved.delete(uid);
  }

  #expectRemovals(jobUid: string, uids: ReadonlySet<string>): void {
    const stillShown = controlledBy(this.#pods, { metadata: { name: "-", uid: jobUid } })
      .filter((pod) => hasTrackingFinalizer(pod) && uids.has(metaOf(pod).uid))
      .map((pod) => metaOf(pod).uid);
    if (stillShown.length === 0) return;
    const known = this.#finalizerRemoved.get(jobUid) ?? new Set();
    for (const uid of stillShown) known.add(uid);
    this.#finalizerRemoved.set(jobUid, known);
  }

  #removalSeen(jobUid: string, pod: Pod): void {
    const known = this.#finalizerRemoved.get(jobUid);
    known?.delete(metaOf(pod).uid);
    if (known?.size === 0) this.#finalizerRemoved.delete(jobUid);
  }
}
