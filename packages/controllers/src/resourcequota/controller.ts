import type { ResourceQuota } from "@knots/api/core/v1";
import { resourceQuotas } from "@knots/api/core/v1";
import type { Informer } from "@knots/client";
import { inQuotaScopes, isNotFound, quotaUsage, usageDifference } from "@knots/machinery";
import type { KubeObject, Timer } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { keyOf, metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { messageOf } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { Controller, ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { QuotaSources } from "./sources.ts";
import { QuotaDevices } from "./devices.ts";
import { calculateUsage, countedResources, nextStatus } from "./usage.ts";

const NAME = "resourcequota-controller";
/** Ms in which the end of many objects becomes one count. */
const RELEASE_DELAY = 50;
/** Ms until what admission booked is checked against what was really made. */
const CHECK_DELAY = 1000;
/** Ms until a quota is looked at again that names a resource nobody serves (yet). */
const UNSERVED_DELAY = 5000;

/** Counts what namespaces use of what their quotas limit. Admission books ahead; this is the truth that corrects it. */
export class ResourceQuotaController implements Controller {
  readonly name = NAME;
  readonly #ctx: ControllerContext;
  readonly #quotas: Informer<ResourceQuota>;
  readonly #sources: QuotaSources;
  readonly #devices: QuotaDevices;
  readonly #queue: QueueController;
  #timer: Timer | undefined;

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#quotas = ctx.informers.informer(resourceQuotas);
    this.#sources = new QuotaSources(ctx, (resource, old, object, gone) => this.#changed(resource, old, object, gone));
    this.#devices = new QuotaDevices(ctx.informers, (claims, namespace) => this.#sources.list(claims, namespace) ?? []);
    this.#queue = new QueueController({
      name: NAME,
      ctx,
      workers: concurrency(ctx.options, "resource-quota"),
      reconcile: (key) => this.reconcile(key),
    });
    this.#queue.own(
      this.#quotas.addHandler({
        add: (quota) => this.#queue.enqueue(quota),
        update: (old, quota) => {
          // What admission books into the status is no news.
          if (!semanticEqual(old.spec, quota.spec)) this.#queue.enqueue(quota);
        },
      }),
    );
  }

  start(): void {
    this.#queue.own(this.#devices.watch((resource) => this.#resourceBecame(resource)));
    this.#queue.start();
    this.#timer = this.#ctx.clock.setInterval(() => this.#recountAll(), this.#ctx.options.resourceQuotaSyncPeriod);
  }

  /** Another class gives an extended resource, or none does any more. */
  #resourceBecame(resource: string): void {
    for (const quota of this.#quotas.lister.list())
      if (quota.spec?.hard?.[`requests.${resource}`] !== undefined) this.#queue.enqueueAfter(quota, RELEASE_DELAY);
  }

  #recountAll(): void {
    const all = this.#quotas.lister.list();
    for (const quota of all) this.#queue.enqueue(quota);
    this.#sources
      .close(new Set(all.flatMap((quota) => countedResources(quota, this.#devices))))
      .catch((error: unknown) => {
        this.#ctx.logger.warn({ error: messageOf(error) }, "cannot learn which counted resources are still served");
      });
  }

  #changed(resource: string, old: KubeObject | undefined, object: KubeObject, gone: boolean): void {
    const now = this.#ctx.clock.now();
    for (const quota of this.#quotas.lister.list(object.metadata?.namespace ?? "")) {
      if (!countedResources(quota, this.#devices).includes(resource)) continue;
      if (gone) this.#queue.enqueueAfter(quota, RELEASE_DELAY);
      else if (old === undefined) this.#queue.enqueueAfter(quota, CHECK_DELAY);
      else if (
        inQuotaScopes(quota.spec, resource, old) !== inQuotaScopes(quota.spec, resource, object) ||
        usageDifference(quotaUsage(resource, object, now, this.#devices), quotaUsage(resource, old, now, this.#devices))
          .size > 0
      )
        this.#queue.enqueueAfter(quota, RELEASE_DELAY);
    }
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const quota = this.#quotas.lister.get(key);
    if (quota === undefined) return;
    const opened = await Promise.all(
      countedResources(quota, this.#devices).map((resource) => this.#sources.open(resource)),
    );
    const { name, namespace } = metaOf(quota);
    // Opening may have taken its time: count for the quota as it is now.
    const current = this.#quotas.lister.get(keyOf(quota)) ?? quota;
    const counted = calculateUsage(
      current,
      (resource) => this.#sources.list(resource, namespace),
      this.#ctx.clock.now(),
      this.#devices,
    );
    const status = nextStatus(current, counted);
    if (status !== undefined) {
      try {
        await this.#ctx.client.resource(resourceQuotas, namespace).updateStatus({ ...current, status });
      } catch (error) {
        if (!isNotFound(error)) throw error;
        this.#ctx.logger.debug({ quota: `${namespace}/${name}` }, "quota deleted while it was counted");
      }
    }
    if (opened.includes(false)) return { requeueAfterMs: UNSERVED_DELAY };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.#sources.dispose();
    await this.#queue[Symbol.asyncDispose]();
  }
}

export const resourceQuotaController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) => new ResourceQuotaController(ctx),
};
