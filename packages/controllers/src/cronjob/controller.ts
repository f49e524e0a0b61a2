import type { CronJob, Job } from "@knots/api/batch/v1";
import { cronJobs, jobs } from "@knots/api/batch/v1";
import type { ObjectReference } from "@knots/api/core/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { formatTime, getControllerOf, isAlreadyExists, isNotFound } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { controlledBy, ownedInformer } from "../framework/informers.ts";
import { metaOf, timeOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { OwnWrites } from "../framework/own-writes.ts";
import { resolveOwner, watchOwned } from "../framework/owned-events.ts";
import { isNamespaceTerminating, messageOf } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext } from "../framework/types.ts";
import { isFinished } from "../job/pods.ts";
import { decideRun, jobName, surplusHistory } from "./decide.ts";
import type { Zone } from "./zoned-time.ts";

const SCHEDULED_TIMESTAMP = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/** Starts a Job whenever a CronJob is due, and keeps the list of those that run. */
export class CronJobController {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #cronJobs: Informer<CronJob>;
  readonly #jobs: Informer<Job>;
  readonly #recorder: EventRecorder;
  readonly #localZone: string;
  readonly #writes = new OwnWrites();

  /** @param localZone zone of CronJobs that name none: this machine's, as upstream */
  constructor(ctx: ControllerContext, localZone = Intl.DateTimeFormat().resolvedOptions().timeZone) {
    this.#ctx = ctx;
    this.#localZone = localZone;
    this.#cronJobs = ctx.informers.informer(cronJobs);
    this.#jobs = ownedInformer(ctx, jobs);
    this.#recorder = ctx.recorder("cronjob-controller");
    this.controller = new QueueController({
      name: "cronjob-controller",
      ctx,
      workers: concurrency(ctx.options, "cron-job"),
      reconcile: (key) => this.reconcile(key),
    });
    const enqueue = (cronJob: CronJob): void => this.controller.enqueue(cronJob);
    this.controller.own(
      this.#cronJobs.addHandler({ add: enqueue, update: (_old, cronJob) => enqueue(cronJob), delete: enqueue }),
    );
    this.controller.own(
      watchOwned<Job, CronJob>({
        informer: this.#jobs,
        resolve: (ref, namespace) => resolveOwner(ref, namespace, "CronJob", (key) => this.#cronJobs.lister.get(key)),
        mayAdopt: () => [], // a CronJob never adopts
        added: enqueue,
        updated: enqueue,
        deleted: enqueue,
        changed: enqueue,
      }),
    );
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const cached = this.#cronJobs.lister.get(key);
    if (cached === undefined) return;
    if (this.#writes.isStale(cached)) return;
    const cronJob = structuredClone(cached);
    const children = controlledBy(this.#jobs, cronJob);
    await this.#refreshActive(cronJob, children);
    const decision = decideRun(cronJob, this.#ctx.clock.now(), this.#localZone);
    for (const { type, reason, message } of decision.events) this.#recorder.event(cached, type, reason, message);
    let failure: unknown;
    let started = false;
    if (decision.start !== undefined && decision.zone !== undefined) {
      try {
        if (decision.replace === true) await this.#deleteActive(cronJob);
        started = await this.#start(cronJob, decision.start, decision.zone);
      } catch (error) {
        failure = error;
      }
    }
    for (const job of surplusHistory(cronJob, children)) await this.#deleteJob(cronJob, metaOf(job).name);
    if (!semanticEqual(cronJob.status, cached.status)) {
      const client = this.#ctx.client.resource(cronJobs, metaOf(cached).namespace);
      this.#writes.note(await client.updateStatus(cronJob));
    }
    if (failure !== undefined) throw failure;
    if (decision.requeueAfterMs !== undefined) return { requeueAfterMs: decision.requeueAfterMs };
    if (started) {
      const wait = decideRun(cronJob, this.#ctx.clock.now(), this.#localZone).requeueAfterMs;
      if (wait !== undefined) return { requeueAfterMs: wait };
    }
  }

  /** Takes finished and vanished Jobs off status.active, and notes the last success. */
  async #refreshActive(cronJob: CronJob, children: readonly Job[]): Promise<void> {
    const status = (cronJob.status ??= {});
    const known = new Set(children.map((job) => metaOf(job).uid));
    for (const job of children) {
      const { name, uid } = metaOf(job);
      const listed = status.active?.some((ref) => ref.uid === uid) ?? false;
      if (!listed && !isFinished(job)) await this.#unexpected(cronJob, job);
      if (listed && isFinished(job)) {
        removeActive(cronJob, uid);
        const condition = job.status?.conditions?.find(
          (c) => c.status === "True" && /^(Complete|Failed)$/.test(c.type),
        );
        const message = `Saw completed job: ${name}, condition: ${condition?.type ?? ""}`;
        this.#recorder.event(cronJob, "Normal", "SawCompletedJob", message);
      }
      const completion = job.status?.completionTime;
      const last = timeOf(status.lastSuccessfulTime);
      if (completion !== undefined && (last === undefined || last < (timeOf(completion) ?? 0))) {
        status.lastSuccessfulTime = completion;
      }
    }
    for (const ref of status.active ?? []) {
      if (ref.uid !== undefined && known.has(ref.uid)) continue;
      // The cache may lag behind our own create: only the server knows that it is gone.
      if (await this.#exists(cronJob, ref)) continue;
      this.#recorder.event(cronJob, "Normal", "MissingJob", `Active job went missing: ${ref.name ?? ""}`);
      removeActive(cronJob, ref.uid);
    }
  }

  async #unexpected(cronJob: CronJob, job: Job): Promise<void> {
    const { namespace, name } = metaOf(cronJob);
    const live = await this.#ctx.client.resource(cronJobs, namespace).get(name);
    if (live.status?.active?.some((ref) => ref.uid === job.metadata?.uid) === true) {
      cronJob.status = live.status;
      cronJob.metadata = live.metadata ?? {};
      return;
    }
    const message = `Saw a job that the controller did not create or forgot: ${metaOf(job).name}`;
    this.#recorder.event(cronJob, "Warning", "UnexpectedJob", message);
  }

  async #exists(cronJob: CronJob, ref: ObjectReference): Promise<boolean> {
    try {
      const job = await this.#ctx.client.resource(jobs, metaOf(cronJob).namespace).get(ref.name ?? "");
      return job.metadata?.uid === ref.uid;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #deleteActive(cronJob: CronJob): Promise<void> {
    for (const ref of cronJob.status?.active ?? []) await this.#deleteJob(cronJob, ref.name ?? "");
  }

  async #deleteJob(cronJob: CronJob, name: string): Promise<void> {
    const client = this.#ctx.client.resource(jobs, metaOf(cronJob).namespace);
    try {
      await client.delete(name, { propagationPolicy: "Background" });
    } catch (error) {
      if (!isNotFound(error)) {
        this.#recorder.event(cronJob, "Warning", "FailedDelete", `Deleted job: ${messageOf(error)}`);
        throw error;
      }
    }
    const status = (cronJob.status ??= {});
    status.active = (status.active ?? []).filter((ref) => ref.name !== name);
    this.#recorder.event(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${name}`);
  }

  /** Whether the run for `due` has begun, and the status tells of it. */
  async #start(cronJob: CronJob, due: number, zone: Zone): Promise<boolean> {
    const { namespace } = metaOf(cronJob);
    const client = this.#ctx.client.resource(jobs, namespace);
    let job: Job;
    try {
      job = await client.create(jobFor(cronJob, due, zone));
      this.#recorder.event(cronJob, "Normal", "SuccessfulCreate", `Created job ${metaOf(job).name}`);
    } catch (error) {
      if (isNamespaceTerminating(error)) return false;
      if (!isAlreadyExists(error)) {
        this.#recorder.event(cronJob, "Warning", "FailedCreate", `Error creating job: ${messageOf(error)}`);
        throw error;
      }
      // Made by us, before the status that should have told of it was lost; or by somebody else, and none of ours.
      job = await client.get(jobName(cronJob, due));
      if (getControllerOf(job)?.uid !== metaOf(cronJob).uid) throw error;
    }
    const { name, uid, resourceVersion } = metaOf(job);
    const status = (cronJob.status ??= {});
    status.lastScheduleTime = formatTime(new Date(due));
    // It came and went before anybody noted it: once it is deleted nothing but the time of this run tells that it was made.
    if (isFinished(job)) return true;
    status.active = [
      ...(status.active ?? []),
      { apiVersion: "batch/v1", kind: "Job", namespace, name, uid, ...(resourceVersion ? { resourceVersion } : {}) },
    ];
    return true;
  }
}

function removeActive(cronJob: CronJob, uid: string | undefined): void {
  const status = (cronJob.status ??= {});
  status.active = (status.active ?? []).filter((ref) => ref.uid !== uid);
}

function jobFor(cronJob: CronJob, due: number, zone: Zone): Job {
  const { name, namespace, uid } = metaOf(cronJob);
  const template = structuredClone(cronJob.spec?.jobTemplate);
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobName(cronJob, due),
      namespace,
      labels: { ...template?.metadata?.labels },
      annotations: { ...template?.metadata?.annotations, [SCHEDULED_TIMESTAMP]: zone.format(due) },
      ownerReferences: [
        { apiVersion: "batch/v1", kind: "CronJob", name, uid, controller: true, blockOwnerDeletion: true },
      ],
    },
    ...(template?.spec === undefined ? {} : { spec: template.spec }),
  };
}
