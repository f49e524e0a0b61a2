import type { Job } from "@knots/api/batch/v1";
import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import type { Client, Expectations } from "@knots/client";
import { isInvalid, isNotFound } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import { isNamespaceTerminating } from "../framework/pod-control.ts";
import type { PodControl } from "../framework/pod-control.ts";
import { isReady } from "../framework/pod-state.ts";
import { slowStartBatch } from "../framework/slow-start.ts";
import type { JobPlan } from "./plan.ts";
import { JOB_TRACKING_FINALIZER } from "./pods.ts";
import { jobPod } from "./template.ts";

/** How the number of pods changed, and what went wrong first. */
export interface PodChanges {
  readonly created: number;
  readonly deleted: number;
  readonly deletedReady: number;
  readonly error?: unknown;
}

export const NO_CHANGES: PodChanges = { created: 0, deleted: 0, deletedReady: 0 };

/** The writes a Job's plan asks for. */
export class JobPods {
  readonly #client: Client;
  readonly #control: PodControl;
  readonly #expectations: Expectations;

  constructor(client: Client, control: PodControl, expectations: Expectations) {
    this.#client = client;
    this.#control = control;
    this.#expectations = expectations;
  }

  async create(
    key: string,
    job: Job,
    plan: Extract<JobPlan, { kind: "create" }>,
    replaced: ReadonlyMap<number, Pod>,
  ): Promise<PodChanges> {
    this.#expectations.expectCreations(key, plan.count);
    let inVain = 0; // in a namespace that is going away
    const { successes, error } = await slowStartBatch(plan.count, async (i) => {
      const index = plan.indexes?.[i];
      const pod = jobPod(job, index, index === undefined ? undefined : replaced.get(index));
      try {
        await this.#control.create(pod, job);
      } catch (cause) {
        if (!isNamespaceTerminating(cause)) throw cause;
        inVain++;
      }
    });
    const created = successes - inVain;
    for (let i = created; i < plan.count; i++) this.#expectations.creationObserved(key);
    return { ...NO_CHANGES, created, error };
  }

  /**
   * Deletes pods; one that is gone already counts as deleted.
   * @param counted false takes the finalizer off first: a pod the Job has no use for (suspended, less parallelism) is no
   *   failed one
   */
  async delete(key: string, job: Job, victims: readonly Pod[], counted: boolean): Promise<PodChanges> {
    this.#expectations.expectDeletions(
      key,
      victims.map((pod) => metaOf(pod).uid),
    );
    let deleted = 0;
    let deletedReady = 0;
    let error: unknown;
    await Promise.all(
      victims.map(async (pod) => {
        try {
          if (!counted) await this.removeFinalizer(pod);
          await this.#control.delete(pod, job);
        } catch (cause) {
          this.#expectations.deletionObserved(key, metaOf(pod).uid);
          if (!isNotFound(cause)) {
            error ??= cause;
            return;
          }
        }
        deleted++;
        if (isReady(pod)) deletedReady++;
      }),
    );
    return { created: 0, deleted, deletedReady, error };
  }

  /** Takes the tracking finalizer off; returns the uids of those that are free of it, and the first error. */
  async release(victims: readonly Pod[]): Promise<{ released: Set<string>; error: unknown }> {
    const released = new Set<string>();
    let error: unknown;
    await Promise.all(
      victims.map(async (pod) => {
        try {
          await this.removeFinalizer(pod);
          released.add(metaOf(pod).uid);
        } catch (cause) {
          error ??= cause;
        }
      }),
    );
    return { released, error };
  }

  /** A pod that is gone, or another one of its name, is free of the finalizer too. */
  async removeFinalizer(pod: Pod): Promise<void> {
    const { namespace, name, uid } = metaOf(pod);
    const patch = { metadata: { uid, "$deleteFromPrimitiveList/finalizers": [JOB_TRACKING_FINALIZER] } };
    try {
      await this.#client.resource(pods, namespace).patch(name, patch, { type: "strategic" });
    } catch (error) {
      if (!isNotFound(error) && !isInvalid(error)) throw error;
    }
  }
}
