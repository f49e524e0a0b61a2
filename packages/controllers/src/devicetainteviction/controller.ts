import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { resourceClaims, resourceSlices } from "@knots/api/resource/v1";
import type { ResourceClaim, ResourceSlice } from "@knots/api/resource/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { isNotFound, isPodTerminal, isReservedForPod } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { metaOf } from "../framework/objects.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { markDisrupted } from "../podgc/disruption-target.ts";
import { hasClaims, knownClaimNames } from "../resourceclaim/claims.ts";
import { claimEvictionTime, evictingTaints, poolKey, poolOf } from "./eviction.ts";
import type { TaintsOf } from "./eviction.ts";
import { DeletionMetrics } from "./metrics.ts";

const NAME = "device-taint-eviction-controller";
const WORKERS = 10;
/** Index of slices by their pool, and of claims by the pools of their devices. */
const POOL_INDEX = "devicePool";
/** Evicted pods that are remembered, so that none is told of twice while its deletion is on its way here. */
const MAX_EVICTED = 500;

/**
 * Deletes pods that use devices with NoExecute taints that their claims do not, or no longer, tolerate. Keys are pods. While no
 * device has such a taint nothing is done about any pod or claim.
 */
export class DeviceTaintEvictionController {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #pods: Informer<Pod>;
  readonly #claims: Informer<ResourceClaim>;
  readonly #slices: Informer<ResourceSlice>;
  readonly #recorder: EventRecorder;
  readonly #metrics: DeletionMetrics;
  /** Taints by pool and device; pools without any have no entry. */
  readonly #tainted = new Map<string, ReturnType<typeof evictingTaints>>();
  /** Uids of pods that are to be evicted, by key. */
  readonly #scheduled = new Map<string, string>();
  readonly #evicted = new Set<string>();

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#pods = ctx.informers.informer(pods);
    this.#claims = ctx.informers.informer(resourceClaims, {
      indexers: {
        [POOL_INDEX]: ({ status }) => [
          ...new Set((status?.allocation?.devices?.results ?? []).map(({ driver, pool }) => poolKey(driver, pool))),
        ],
      },
    });
    this.#slices = ctx.informers.informer(resourceSlices, {
      indexers: { [POOL_INDEX]: (slice) => [poolOf(slice)] },
    });
    this.#recorder = ctx.recorder(NAME);
    this.#metrics = new DeletionMetrics(ctx.queues.registry);
    this.controller = new QueueController({
      name: NAME,
      ctx,
      workers: WORKERS,
      reconcile: (key) => this.reconcile(key),
    });
    this.#subscribe();
  }

  #subscribe(): void {
    const sliceChanged = (...slices: readonly ResourceSlice[]): void => {
      for (const pool of new Set(slices.map(poolOf))) this.#poolChanged(pool);
    };
    this.controller.own(
      this.#slices.addHandler({ add: sliceChanged, update: sliceChanged, delete: (slice) => sliceChanged(slice) }),
    );
    this.controller.own(
      this.#claims.addHandler({
        add: (claim) => this.#claimChanged(claim),
        update: (old, claim) => this.#claimChanged(old, claim),
        delete: (claim) => this.#claimChanged(claim),
      }),
    );
    this.controller.own(
      this.#pods.addHandler({
        add: (pod) => this.#podChanged(pod),
        update: (old, pod) => {
          if (this.#idle) return;
          const moved = old.spec?.nodeName !== pod.spec?.nodeName || old.metadata?.uid !== pod.metadata?.uid;
          if (moved || !semanticEqual(knownClaimNames(old), knownClaimNames(pod))) this.#podChanged(pod);
        },
        delete: (pod) => this.#scheduled.delete(keyOfPod(pod)),
      }),
    );
  }

  /** No device is tainted, and nobody waits for the end of a taint. */
  get #idle(): boolean {
    return this.#tainted.size === 0 && this.#scheduled.size === 0;
  }

  #poolChanged(pool: string): void {
    const taints = evictingTaints(this.#slices.lister.byIndex(POOL_INDEX, pool));
    const before = this.#tainted.get(pool);
    if (taints.size > 0) this.#tainted.set(pool, taints);
    else this.#tainted.delete(pool);
    if (taints.size === 0 && before === undefined) return;
    for (const claim of this.#claims.lister.byIndex(POOL_INDEX, pool)) this.#enqueueUsers(claim);
  }

  /** Those that use the claim, or used it: their taints may be new to them, or no longer theirs. */
  #claimChanged(...versions: readonly ResourceClaim[]): void {
    if (this.#idle) return;
    for (const claim of versions) this.#enqueueUsers(claim);
  }

  #enqueueUsers({ metadata, status }: ResourceClaim): void {
    for (const { apiGroup = "", resource, name } of status?.reservedFor ?? [])
      if (apiGroup === "" && resource === "pods") this.controller.queue.add(`${metadata?.namespace ?? ""}/${name}`);
  }

  #podChanged(pod: Pod): void {
    if (this.#idle) return;
    if (hasClaims(pod) && pod.spec?.nodeName) this.controller.enqueue(pod);
  }

  readonly #taintsOf: TaintsOf = ({ driver, pool, device }) =>
    this.#tainted.get(poolKey(driver, pool))?.get(device) ?? [];

  #evictionTime(pod: Pod): number | undefined {
    if (!pod.spec?.nodeName || isPodTerminal(pod)) return undefined;
    const times = knownClaimNames(pod).flatMap((name) => {
      const claim = this.#claims.lister.get(`${metaOf(pod).namespace}/${name}`);
      // Another pod of this name may have used it.
      if (claim === undefined || !isReservedForPod(pod, claim)) return [];
      return claimEvictionTime(claim, this.#taintsOf) ?? [];
    });
    return times.length === 0 ? undefined : Math.min(...times);
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const pod = this.#pods.lister.get(key);
    if (pod === undefined || pod.metadata?.deletionTimestamp !== undefined) {
      this.#scheduled.delete(key);
      return;
    }
    const { uid } = metaOf(pod);
    if (this.#evicted.has(uid)) return;
    const at = this.#evictionTime(pod);
    if (at === undefined) {
      const wasScheduled = this.#scheduled.get(key) === uid;
      this.#scheduled.delete(key);
      if (wasScheduled) this.#say(pod, "Cancelling deletion");
      return;
    }
    this.#scheduled.set(key, uid);
    const wait = at - this.#ctx.clock.now();
    if (wait > 0) return { requeueAfterMs: wait };
    if (await this.#evict(pod)) this.#metrics.deleted((this.#ctx.clock.now() - at) / 1000);
    this.#scheduled.delete(key);
    if (this.#evicted.size >= MAX_EVICTED) this.#evicted.delete(this.#evicted.values().next().value ?? "");
    this.#evicted.add(uid);
  }

  #say(pod: Pod, message: string): void {
    this.#recorder.event(pod, "Normal", "DeviceTaintManagerEviction", message);
  }

  /** False: it was gone. */
  async #evict(pod: Pod): Promise<boolean> {
    const { name, namespace, uid } = metaOf(pod);
    this.#say(pod, "Marking for deletion");
    try {
      await markDisrupted(this.#ctx, pod, {
        reason: "DeletionByDeviceTaintManager",
        message: "Device Taint manager: deleting due to NoExecute taint",
      });
      await this.#ctx.client.resource(pods, namespace).delete(name, { preconditions: { uid } });
      return true;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return false;
    }
  }
}

function keyOfPod({ metadata }: Pod): string {
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
}

export const deviceTaintEvictionController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) => new DeviceTaintEvictionController(ctx).controller,
};
