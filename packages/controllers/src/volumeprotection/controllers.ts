import type { PersistentVolume, PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import { persistentVolumeClaims, persistentVolumes, pods } from "@knots/api/core/v1";
import type { ResourceClient } from "@knots/client";
import { isInvalid, isNotFound } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerInitializer } from "../framework/types.ts";
import { CLAIM_FINALIZER, claimsOf, protection, usesClaim, VOLUME_FINALIZER } from "./use.ts";

const CLAIM_INDEX = "volumeprotection/claim";

async function setFinalizer<T extends KubeObject>(
  client: ResourceClient<T>,
  object: T,
  finalizer: string,
  what: "add" | "remove",
): Promise<void> {
  const finalizers = (object.metadata?.finalizers ?? []).filter((each) => each !== finalizer);
  if (what === "add") finalizers.push(finalizer);
  try {
    await client.update({ ...object, metadata: { ...object.metadata, finalizers } });
  } catch (error) {
    // Gone, or marked for deletion a moment ago (then no finalizer may be added).
    if (!isNotFound(error) && !(what === "add" && isInvalid(error))) throw error;
  }
}

/** Lets a claim go only when no pod uses it. */
export const claimProtectionController: ControllerInitializer = {
  name: "persistentvolumeclaim-protection-controller",
  enabledByDefault: true,
  init(ctx) {
    const claims = ctx.informers.informer(persistentVolumeClaims);
    const allPods = ctx.informers.informer(pods, { indexers: { [CLAIM_INDEX]: claimsOf } });
    const controller = new QueueController({
      name: "persistentvolumeclaim-protection-controller",
      ctx,
      workers: 1,
      async reconcile(key) {
        const claim = claims.lister.get(key);
        if (claim === undefined) return;
        const inUse = (): boolean => allPods.lister.byIndex(CLAIM_INDEX, key).some((pod) => usesClaim(pod, claim));
        const decision = protection(claim, CLAIM_FINALIZER, inUse);
        if (decision === "keep") return;
        const { namespace } = metaOf(claim);
        if (decision === "remove") {
          // The cache may not know a pod yet that was just given a node: the data of a running pod is at stake.
          const { items } = await ctx.client.resource(pods, namespace).list();
          if (items.some((pod) => usesClaim(pod, claim))) return;
        }
        await setFinalizer(ctx.client.resource(persistentVolumeClaims, namespace), claim, CLAIM_FINALIZER, decision);
      },
    });
    const enqueue = (claim: PersistentVolumeClaim): void => controller.enqueue(claim);
    const podChanged = (pod: Pod): void => {
      for (const key of claimsOf(pod)) controller.queue.add(key);
    };
    controller.own(claims.addHandler({ add: enqueue, update: (_old, claim) => enqueue(claim) }));
    controller.own(
      allPods.addHandler({
        add: podChanged,
        update(old, pod) {
          const replaced = old.metadata?.uid !== pod.metadata?.uid;
          if (replaced || old.spec?.nodeName !== pod.spec?.nodeName) podChanged(pod);
          if (replaced) podChanged(old);
        },
        delete: podChanged,
      }),
    );
    return controller;
  },
};

/** Lets a volume go only when no claim is bound to it. */
export const volumeProtectionController: ControllerInitializer = {
  name: "persistentvolume-protection-controller",
  enabledByDefault: true,
  init(ctx) {
    const volumes = ctx.informers.informer(persistentVolumes);
    const controller = new QueueController({
      name: "persistentvolume-protection-controller",
      ctx,
      workers: 1,
      async reconcile(name) {
        const volume = volumes.lister.get(name);
        if (volume === undefined) return;
        const decision = protection(volume, VOLUME_FINALIZER, () => volume.status?.phase === "Bound");
        if (decision === "keep") return;
        await setFinalizer(ctx.client.resource(persistentVolumes), volume, VOLUME_FINALIZER, decision);
      },
    });
    const enqueue = (volume: PersistentVolume): void => controller.enqueue(volume);
    controller.own(volumes.addHandler({ add: enqueue, update: (_old, volume) => enqueue(volume) }));
    return controller;
  },
};
