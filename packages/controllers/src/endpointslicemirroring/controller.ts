import type { Endpoints, Service } from "@knots/api/core/v1";
import { endpoints, services } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { endpointSlices } from "@knots/api/discovery/v1";
import { isNotFound, splitKey } from "@knots/machinery";
import { MANAGED_BY, SERVICE_NAME } from "../endpointslice/meta.ts";
import { SliceTracker } from "../endpointslice/slice-tracker.ts";
import type { SliceActions } from "../endpointslice/slices.ts";
import { metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { isNamespaceTerminating, messageOf } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerInitializer } from "../framework/types.ts";
import { MIRRORING_CONTROLLER, planMirror, shouldMirror } from "./mirror.ts";

const NAME = "endpointslice-mirroring-controller";
const INDEX = "endpointslicemirroring/service";

function ownerKey({ metadata }: EndpointSlice): string | undefined {
  const service = metadata?.labels?.[SERVICE_NAME];
  return metadata?.labels?.[MANAGED_BY] === MIRRORING_CONTROLLER && service !== undefined
    ? `${metadata.namespace ?? ""}/${service}`
    : undefined;
}

/** Shows Endpoints that somebody wrote by hand, for a Service without a selector, as EndpointSlices too. */
export const endpointSliceMirroringController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init(ctx) {
    const allEndpoints = ctx.informers.informer(endpoints);
    const allServices = ctx.informers.informer(services);
    const slices = ctx.informers.informer(endpointSlices, {
      indexers: { [INDEX]: (slice) => [ownerKey(slice) ?? ""] },
    });
    const tracker = new SliceTracker(ctx.clock);
    const recorder = ctx.recorder(NAME);
    const carryOut = async (key: string, { create, update, remove }: SliceActions): Promise<void> => {
      const client = ctx.client.resource(endpointSlices, splitKey(key).namespace);
      for (const slice of create) tracker.written(key, await client.create(slice));
      for (const slice of update) tracker.written(key, await client.update(slice));
      for (const slice of remove) {
        const { name, uid } = metaOf(slice);
        tracker.removed(key, slice);
        try {
          await client.delete(name, { preconditions: { uid } });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }
    };
    const controller = new QueueController({
      name: NAME,
      ctx,
      workers: concurrency(ctx.options, "mirroring-service-endpoint"),
      baseDelayMs: 1000,
      maxDelayMs: 100_000,
      async reconcile(key) {
        const cached = slices.lister.byIndex(INDEX, key);
        if (tracker.isStale(key, cached)) return { requeueAfterMs: 100 };
        const existing = cached.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
        const source = allEndpoints.lister.get(key);
        if (!shouldMirror(source, allServices.lister.get(key))) {
          await carryOut(key, { create: [], update: [], remove: existing });
          return;
        }
        const max = ctx.options.mirroringMaxEndpointsPerSubset;
        const plan = planMirror(source, existing, max);
        const warn = (reason: string, message: string): void => recorder.event(source, "Warning", reason, message);
        if (plan.skipped > 0) {
          const limit = `A max of ${max} addresses can be mirrored to EndpointSlices per Endpoints subset.`;
          warn("TooManyAddressesToMirror", `${limit} ${plan.skipped} addresses were skipped`);
        }
        if (plan.invalid > 0)
          warn("InvalidAddress", `Skipped ${plan.invalid} invalid IP addresses when mirroring to EndpointSlices`);
        try {
          await carryOut(key, plan);
        } catch (error) {
          if (isNamespaceTerminating(error)) return;
          warn("FailedToUpdateEndpointSlices", `Error updating Endpoint Slices for ${key}: ${messageOf(error)}`);
          throw error;
        }
      },
    });
    const enqueue = (service: Service): void => controller.enqueue(service);
    const batched = (of: Endpoints): void =>
      controller.enqueueAfter(of, ctx.options.mirroringEndpointSliceUpdatesBatchPeriod);
    controller.own(allEndpoints.addHandler({ add: batched, update: (_old, next) => batched(next), delete: batched }));
    controller.own(
      allServices.addHandler({
        add: enqueue,
        update(old, next) {
          if ((old.spec?.selector === undefined) !== (next.spec?.selector === undefined)) enqueue(next);
        },
        delete: enqueue,
      }),
    );
    controller.own(
      slices.addHandler({
        add(slice) {
          const key = ownerKey(slice);
          if (key !== undefined && tracker.isForeign(key, slice)) controller.queue.add(key);
        },
        update(old, slice) {
          const [before, after] = [ownerKey(old), ownerKey(slice)];
          if (before !== undefined && before !== after) controller.queue.add(before);
          if (after !== undefined && tracker.isForeign(after, slice)) controller.queue.add(after);
        },
        delete(slice) {
          const key = ownerKey(slice);
          if (key !== undefined && tracker.gone(key, slice)) controller.queue.add(key);
        },
      }),
    );
    return controller;
  },
};
