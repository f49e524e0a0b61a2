import type { Endpoints, Pod, Service } from "@knots/api/core/v1";
import { endpoints, pods, services } from "@knots/api/core/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { isAlreadyExists, isNotFound } from "@knots/machinery";
import { HEADLESS, isHeadless } from "../endpointslice/meta.ts";
import { servicesToUpdate, ServiceSelectors } from "../endpointslice/selection.ts";
import { TRIGGER_TIME } from "../endpointslice/slices.ts";
import { formatTriggerTime, TriggerTimes } from "../endpointslice/trigger-time.ts";
import { semanticEqual } from "../framework/equality.ts";
import { keyOf, metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { OwnWrites } from "../framework/own-writes.ts";
import { isNamespaceTerminating, messageOf } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { endpointSubsets, MAX_ADDRESSES, truncateSubsets } from "./subsets.ts";

const NAME = "endpoints-controller";
const OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity";
const MANAGED_BY = "endpoints.kubernetes.io/managed-by";

/** The Endpoints a Service is to have; undefined where `current` shows it already. Pure. */
export function desiredEndpoints(
  service: Service,
  selected: readonly Pod[],
  current: Endpoints | undefined,
  triggerTime: string | undefined,
): Endpoints | undefined {
  const { name, namespace } = metaOf(service);
  const { subsets, truncated } = truncateSubsets(endpointSubsets(service, selected), MAX_ADDRESSES);
  const { [HEADLESS]: _, ...own } = service.metadata?.labels ?? {};
  const labels = { ...own, [MANAGED_BY]: "endpoint-controller", ...(isHeadless(service) ? { [HEADLESS]: "" } : {}) };
  const wasTruncated = current?.metadata?.annotations?.[OVER_CAPACITY] !== undefined;
  if (
    current !== undefined &&
    semanticEqual(current.subsets, subsets) &&
    semanticEqual(current.metadata?.labels, labels) &&
    wasTruncated === truncated
  ) {
    return undefined;
  }
  const annotations: Record<string, string> = { ...current?.metadata?.annotations };
  delete annotations[OVER_CAPACITY];
  delete annotations[TRIGGER_TIME];
  if (truncated) annotations[OVER_CAPACITY] = "truncated";
  if (triggerTime !== undefined) annotations[TRIGGER_TIME] = triggerTime;
  return {
    ...(current ?? { apiVersion: "v1", kind: "Endpoints" }),
    metadata: { ...(current?.metadata ?? { name, namespace }), labels, annotations },
    subsets,
  };
}

/** Keeps the Endpoints object of each Service with a selector: what clients older than EndpointSlices read. */
export class EndpointsController {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;
  readonly #endpoints: Informer<Endpoints>;
  readonly #recorder: EventRecorder;
  readonly #selectors = new ServiceSelectors();
  readonly #triggerTimes = new TriggerTimes();
  readonly #writes = new OwnWrites();
  /** Services that were seen going: their Endpoints go with them, whoever made those. */
  readonly #gone = new Set<string>();

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#services = ctx.informers.informer(services);
    this.#pods = ctx.informers.informer(pods);
    this.#endpoints = ctx.informers.informer(endpoints);
    this.#recorder = ctx.recorder("endpoint-controller");
    this.controller = new QueueController({
      name: NAME,
      ctx,
      workers: concurrency(ctx.options, "endpoint"),
      reconcile: (key) => this.reconcile(key),
    });
    const enqueue = (service: Service): void => this.controller.enqueue(service);
    this.controller.own(
      this.#services.addHandler({
        add: enqueue,
        update: (_old, service) => enqueue(service),
        delete: (service) => {
          this.#gone.add(keyOf(service));
          enqueue(service);
        },
      }),
    );
    const podChanged = (old: Pod | undefined, pod: Pod): void => {
      const inNamespace = this.#services.lister.list(pod.metadata?.namespace ?? "");
      for (const service of servicesToUpdate(this.#selectors, inNamespace, old, pod)) {
        this.controller.enqueueAfter(service, ctx.options.endpointUpdatesBatchPeriod);
      }
    };
    this.controller.own(
      this.#pods.addHandler({
        add: (pod) => podChanged(undefined, pod),
        update: podChanged,
        delete: (pod) => podChanged(undefined, pod),
      }),
    );
    this.controller.own(
      this.#endpoints.addHandler({
        // Seen first after a restart: its Service may be gone.
        add: (object) => this.controller.enqueue(object),
        delete: (object) => this.controller.enqueue(object),
      }),
    );
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const service = this.#services.lister.get(key);
    const current = this.#endpoints.lister.get(key);
    if (service === undefined) {
      this.#triggerTimes.forget(key);
      if (current !== undefined) await this.#removeLeftover(key, current);
      this.#gone.delete(key);
      return;
    }
    this.#gone.delete(key);
    const { selector, type } = service.spec ?? {};
    if (type === "ExternalName" || selector === undefined || Object.keys(selector).length === 0) return;
    if (current !== undefined && this.#writes.isStale(current)) return { requeueAfterMs: 100 };
    const { namespace } = metaOf(service);
    const selected = this.#pods.lister.list(namespace).filter((pod) => this.#selectors.matches(service, pod));
    const trigger = this.#triggerTimes.next(service, selected);
    const wanted = desiredEndpoints(
      service,
      selected,
      current,
      trigger === undefined ? undefined : formatTriggerTime(trigger),
    );
    if (wanted === undefined) return;
    const client = this.#ctx.client.resource(endpoints, namespace);
    try {
      this.#writes.note(current === undefined ? await client.create(wanted) : await client.update(wanted));
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      // The cache lags behind: the object's own event brings the key back.
      if (isAlreadyExists(error) || isNotFound(error)) return { requeueAfterMs: 100 };
      const what = current === undefined ? "Create" : "Update";
      this.#recorder.event(
        service,
        "Warning",
        `FailedTo${what}Endpoint`,
        `Failed to ${what.toLowerCase()} endpoint for service ${key}: ${messageOf(error)}`,
      );
      throw error;
    }
  }

  /** Endpoints that somebody made without a Service stay. */
  async #removeLeftover(key: string, current: Endpoints): Promise<void> {
    const { name, namespace, uid, labels } = metaOf(current);
    if (!this.#gone.has(key) && labels?.[MANAGED_BY] !== "endpoint-controller") return;
    try {
      await this.#ctx.client.resource(endpoints, namespace).delete(name, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

export const endpointsController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) => new EndpointsController(ctx).controller,
};
