import type { Node, Pod, Service } from "@knots/api/core/v1";
import { nodes, pods, services } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { endpointSlices } from "@knots/api/discovery/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { isNotFound } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { isNamespaceTerminating, messageOf } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { NODE_INDEX, nodeIndexer } from "../nodelifecycle/pods.ts";
import { CONTROLLER, MANAGED_BY, SERVICE_NAME } from "./meta.ts";
import { planServiceSlices } from "./plan.ts";
import type { SlicePlan } from "./plan.ts";
import { servicesToUpdate, ServiceSelectors } from "./selection.ts";
import { SliceTracker } from "./slice-tracker.ts";
import { formatTriggerTime, TriggerTimes } from "./trigger-time.ts";

const NAME = "endpointslice-controller";
const SERVICE_INDEX = "endpointslice/service";
/** Ms after which a Service is looked at again of whose pods some have nodes that the cache lacks. */
const NODE_WAIT = 1000;

/** The Service a slice of ours belongs to; undefined for others' slices. */
function ownerKey(slice: EndpointSlice): string | undefined {
  const labels = slice.metadata?.labels ?? {};
  const service = labels[SERVICE_NAME];
  return labels[MANAGED_BY] === CONTROLLER && service !== undefined
    ? `${slice.metadata?.namespace ?? ""}/${service}`
    : undefined;
}

/** Shows, for each Service with a selector, the addresses and states of the pods it selects. */
export class EndpointSliceController {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #recorder: EventRecorder;
  readonly #selectors = new ServiceSelectors();
  readonly #tracker: SliceTracker;
  readonly #triggerTimes = new TriggerTimes();

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#services = ctx.informers.informer(services);
    this.#pods = ctx.informers.informer(pods, { indexers: { [NODE_INDEX]: nodeIndexer } });
    this.#nodes = ctx.informers.informer(nodes);
    this.#slices = ctx.informers.informer(endpointSlices, {
      indexers: { [SERVICE_INDEX]: (slice) => [ownerKey(slice) ?? ""] },
    });
    this.#recorder = ctx.recorder(NAME);
    this.#tracker = new SliceTracker(ctx.clock);
    this.controller = new QueueController({
      name: NAME,
      ctx,
      workers: concurrency(ctx.options, "service-endpoint"),
      baseDelayMs: 1000,
      maxDelayMs: 100_000,
      reconcile: (key) => this.reconcile(key),
    });
    this.#subscribe();
  }

  #subscribe(): void {
    const enqueue = (service: Service): void => this.controller.enqueue(service);
    this.controller.own(
      this.#services.addHandler({ add: enqueue, update: (_old, service) => enqueue(service), delete: enqueue }),
    );
    const podChanged = (old: Pod | undefined, pod: Pod): void => {
      const inNamespace = this.#services.lister.list(pod.metadata?.namespace ?? "");
      for (const service of servicesToUpdate(this.#selectors, inNamespace, old, pod)) {
        this.controller.enqueueAfter(service, this.#ctx.options.endpointSliceUpdatesBatchPeriod);
      }
    };
    this.controller.own(
      this.#pods.addHandler({
        add: (pod) => podChanged(undefined, pod),
        update: podChanged,
        delete: (pod) => podChanged(undefined, pod),
      }),
    );
    const sliceChanged = (slice: EndpointSlice): void => {
      const key = ownerKey(slice);
      // Our own writes come back as events, and need no second look.
      if (key !== undefined && this.#tracker.isForeign(key, slice)) this.controller.queue.add(key);
    };
    this.controller.own(
      this.#slices.addHandler({
        add: sliceChanged,
        update: (old, slice) => {
          const before = ownerKey(old);
          if (before !== undefined && before !== ownerKey(slice)) this.controller.queue.add(before);
          sliceChanged(slice);
        },
        delete: (slice) => {
          const key = ownerKey(slice);
          if (key !== undefined && this.#tracker.gone(key, slice)) this.controller.queue.add(key);
        },
      }),
    );
    const zone = (node: Node): string | undefined => node.metadata?.labels?.["topology.kubernetes.io/zone"];
    this.controller.own(
      this.#nodes.addHandler({
        update: (old, node) => {
          if (zone(old) === zone(node)) return;
          for (const pod of this.#pods.lister.byIndex(NODE_INDEX, metaOf(node).name)) podChanged(undefined, pod);
        },
      }),
    );
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const service = this.#services.lister.get(key);
    if (service === undefined) {
      // The garbage collector takes the slices: they are owned by the Service.
      this.#tracker.forget(key);
      this.#triggerTimes.forget(key);
      return;
    }
    const { selector, type } = service.spec ?? {};
    if (type === "ExternalName" || selector === undefined || Object.keys(selector).length === 0) return;
    const cached = this.#slices.lister.byIndex(SERVICE_INDEX, key);
    if (this.#tracker.isStale(key, cached)) return { requeueAfterMs: 100 };
    const { namespace } = metaOf(service);
    const selected = this.#pods.lister.list(namespace).filter((pod) => this.#selectors.matches(service, pod));
    const trigger = this.#triggerTimes.next(service, selected);
    const plan = planServiceSlices({
      service,
      pods: selected,
      node: (name) => this.#nodes.lister.get(name),
      existing: cached.filter(({ metadata }) => metadata?.deletionTimestamp === undefined),
      maxEndpoints: this.#ctx.options.maxEndpointsPerSlice,
      triggerTime: trigger === undefined ? undefined : formatTriggerTime(trigger),
    });
    try {
      await this.#carryOut(key, namespace, plan);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      this.#recorder.event(
        service,
        "Warning",
        "FailedToUpdateEndpointSlices",
        `Error updating Endpoint Slices for Service ${key}: ${messageOf(error)}`,
      );
      throw error;
    }
    if (plan.withoutNode.length > 0) return { requeueAfterMs: NODE_WAIT };
  }

  /** Creates first and deletes last, so that no endpoint is missing in between. */
  async #carryOut(key: string, namespace: string, { create, update, remove }: SlicePlan): Promise<void> {
    const client = this.#ctx.client.resource(endpointSlices, namespace);
    for (const slice of create) this.#tracker.written(key, await client.create(slice));
    for (const slice of update) this.#tracker.written(key, await client.update(slice));
    for (const slice of remove) {
      this.#tracker.removed(key, slice);
      try {
        await client.delete(metaOf(slice).name, { preconditions: { uid: metaOf(slice).uid } });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }
}

export const endpointSliceController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) => new EndpointSliceController(ctx).controller,
};
