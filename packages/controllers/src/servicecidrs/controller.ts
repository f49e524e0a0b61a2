// ServiceCIDRs: each is ready, and goes only when none of its addresses would be left without a range (KEP-1880).
import type { IPAddress, ServiceCIDR } from "@knots/api/networking/v1";
import { ipAddresses, serviceCIDRs } from "@knots/api/networking/v1";
import { formatTime, isNotFound } from "@knots/machinery";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { FINALIZER, canBeDeleted, contains, overlap } from "./ranges.ts";

const NAME = "service-cidr-controller";
/** Allocators may not yet know that a range is going away, and give out one of its addresses (upstream's figure). */
const DELETION_GRACE_MS = 10_000;

interface Ready {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}
const READY: Ready = { status: "True", reason: "", message: "Kubernetes Service CIDR is ready" };
const TERMINATING: Ready = {
  status: "False",
  reason: "Terminating",
  message: "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
};

async function setReady(ctx: ControllerContext, range: ServiceCIDR, ready: Ready): Promise<void> {
  const conditions = range.status?.conditions ?? [];
  const current = conditions.find(({ type }) => type === "Ready");
  if (current?.status === ready.status) return;
  const lastTransitionTime = formatTime(new Date(ctx.clock.now()));
  const others = conditions.filter(({ type }) => type !== "Ready");
  const status = { ...range.status, conditions: [...others, { type: "Ready", ...ready, lastTransitionTime }] };
  await ctx.client.resource(serviceCIDRs).updateStatus({ ...range, status });
}

async function setFinalizer(ctx: ControllerContext, range: ServiceCIDR, what: "add" | "remove"): Promise<ServiceCIDR> {
  const before = range.metadata?.finalizers ?? [];
  if (before.includes(FINALIZER) === (what === "add")) return range;
  const finalizers = before.filter((each) => each !== FINALIZER);
  if (what === "add") finalizers.push(FINALIZER);
  return ctx.client.resource(serviceCIDRs).update({ ...range, metadata: { ...range.metadata, finalizers } });
}

export const serviceCidrsController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init(ctx) {
    const ranges = ctx.informers.informer(serviceCIDRs);
    const addresses = ctx.informers.informer(ipAddresses);
    const controller = new QueueController({
      name: NAME,
      ctx,
      workers: 1,
      async reconcile(name) {
        const range = ranges.lister.get(name);
        if (range === undefined) return;
        try {
          const { deletionTimestamp } = range.metadata ?? {};
          if (deletionTimestamp === undefined) {
            await setReady(ctx, await setFinalizer(ctx, range, "add"), READY);
          } else if (!canBeDeleted(range, ranges.lister.list(), addresses.lister.list())) {
            await setReady(ctx, range, TERMINATING);
          } else {
            const left = Date.parse(deletionTimestamp) + DELETION_GRACE_MS - ctx.clock.now();
            if (left > 0) controller.queue.addAfter(name, left);
            else await setFinalizer(ctx, range, "remove");
          }
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      },
    });
    // A range that comes or goes decides about those that share addresses with it.
    const changed = (range: ServiceCIDR): void => {
      controller.enqueue(range);
      for (const other of ranges.lister.list()) {
        const shared = (other.spec?.cidrs ?? []).some((a) => (range.spec?.cidrs ?? []).some((b) => overlap(a, b)));
        if (shared) controller.enqueue(other);
      }
    };
    // Only those that wait to go look at addresses.
    const addressGone = (address: IPAddress): void => {
      for (const range of ranges.lister.list()) {
        if (range.metadata?.deletionTimestamp === undefined) continue;
        if ((range.spec?.cidrs ?? []).some((cidr) => contains(cidr, address.metadata?.name ?? "")))
          controller.enqueue(range);
      }
    };
    controller.own(
      ranges.addHandler({ add: changed, update: (_old, range) => changed(range), delete: (range) => changed(range) }),
    );
    controller.own(addresses.addHandler({ delete: addressGone }));
    return controller;
  },
};
