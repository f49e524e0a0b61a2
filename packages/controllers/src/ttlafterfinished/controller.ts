import type { Job } from "@knots/api/batch/v1";
import { jobs } from "@knots/api/batch/v1";
import { isNotFound } from "@knots/machinery";
import { metaOf, timeOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";

/** When a finished Job with ttlSecondsAfterFinished is to be deleted, ms; undefined for any other. Pure. */
export function expiry(job: Job): number | undefined {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  if (ttl === undefined || job.metadata?.deletionTimestamp !== undefined) return undefined;
  const end = job.status?.conditions?.find(
    (c) => c.status === "True" && (c.type === "Complete" || c.type === "Failed"),
  );
  const finished = timeOf(end?.lastTransitionTime);
  return finished === undefined ? undefined : finished + ttl * 1000;
}

/** Deletes finished Jobs when their time to live is over. */
export const ttlAfterFinishedController: ControllerInitializer = {
  name: "ttl-after-finished-controller",
  enabledByDefault: true,
  init(ctx: ControllerContext) {
    const informer = ctx.informers.informer(jobs);
    const controller = new QueueController({
      name: "ttl-after-finished-controller",
      ctx,
      workers: concurrency(ctx.options, "ttl-after-finished"),
      async reconcile(key) {
        const job = informer.lister.get(key);
        const at = job === undefined ? undefined : expiry(job);
        if (job === undefined || at === undefined) return;
        const { namespace, name, uid } = metaOf(job);
        const client = ctx.client.resource(jobs, namespace);
        try {
          const left = at - ctx.clock.now();
          if (left > 0) return { requeueAfterMs: left };
          // The TTL may have been raised a moment ago: the cache is not asked to decide on a deletion.
          const live = await client.get(name);
          const liveExpiry = expiry(live);
          if (live.metadata?.uid !== uid || liveExpiry === undefined) return;
          if (liveExpiry > ctx.clock.now()) return { requeueAfterMs: liveExpiry - ctx.clock.now() };
          await client.delete(name, { propagationPolicy: "Foreground", preconditions: { uid } });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      },
    });
    const enqueue = (job: Job): void => {
      if (expiry(job) !== undefined) controller.enqueue(job);
    };
    controller.own(informer.addHandler({ add: enqueue, update: (_old, job) => enqueue(job) }));
    return controller;
  },
};
