import type { PersistentVolumeClaim, Pod, Volume } from "@knots/api/core/v1";
import { persistentVolumeClaims, pods } from "@knots/api/core/v1";
import { isAlreadyExists, isControlledBy, newControllerRef } from "@knots/machinery";
import { keyOf, metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { isNamespaceTerminating, messageOf } from "../framework/pod-control.ts";
import { isTerminal } from "../framework/pod-state.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerInitializer } from "../framework/types.ts";

const NAME = "ephemeral-volume-controller";

/** The claim of a pod's ephemeral volume, owned by the pod. Pure. */
export function ephemeralClaim(pod: Pod, volume: Volume): PersistentVolumeClaim {
  const template = volume.ephemeral?.volumeClaimTemplate;
  const { name, namespace } = metaOf(pod);
  const { labels, annotations } = template?.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name: `${name}-${volume.name}`,
      namespace,
      ...(labels === undefined ? {} : { labels: { ...labels } }),
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ownerReferences: [newControllerRef(pod, { group: "", version: "v1", kind: "Pod" })],
    },
    spec: structuredClone(template?.spec ?? {}),
  };
}

/** Whether the pod may still need claims. */
function needsClaims(pod: Pod): boolean {
  const ephemeral = pod.spec?.volumes?.some((volume) => volume.ephemeral !== undefined) === true;
  return ephemeral && pod.metadata?.deletionTimestamp === undefined && !isTerminal(pod);
}

/** Makes the claims of pods' generic ephemeral volumes; the garbage collector takes them with the pod. */
export const ephemeralVolumeController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init(ctx) {
    const allPods = ctx.informers.informer(pods);
    const claims = ctx.informers.informer(persistentVolumeClaims);
    const recorder = ctx.recorder("ephemeral_volume");
    const ensure = async (pod: Pod, volume: Volume): Promise<void> => {
      const wanted = ephemeralClaim(pod, volume);
      const found = claims.lister.get(keyOf(wanted));
      if (found !== undefined && !isControlledBy(found, pod))
        throw new Error(`PVC ${keyOf(wanted)} was not created for pod ${keyOf(pod)} (pod is not owner)`);
      if (found !== undefined) return;
      try {
        await ctx.client.resource(persistentVolumeClaims, metaOf(pod).namespace).create(wanted);
      } catch (error) {
        // The cache did not know it yet; its event brings the pod back, and then it is looked whose it is.
        if (!isAlreadyExists(error)) throw error;
      }
    };
    const controller = new QueueController({
      name: NAME,
      ctx,
      workers: concurrency(ctx.options, "ephemeralvolume"),
      async reconcile(key) {
        const pod = allPods.lister.get(key);
        if (pod === undefined || !needsClaims(pod)) return;
        for (const volume of pod.spec?.volumes ?? []) {
          if (volume.ephemeral === undefined) continue;
          try {
            await ensure(pod, volume);
          } catch (error) {
            if (isNamespaceTerminating(error)) return;
            const message = `ephemeral volume ${volume.name}: ${messageOf(error)}`;
            recorder.event(pod, "Warning", "FailedBinding", message);
            throw error;
          }
        }
      },
    });
    const enqueue = (pod: Pod): void => {
      if (needsClaims(pod)) controller.enqueue(pod);
    };
    // A pod's volumes never change: its making, and the loss (or appearance) of a claim, are all that matters.
    const claimChanged = ({ metadata }: PersistentVolumeClaim): void => {
      const owner = metadata?.ownerReferences?.find((each) => each.controller === true && each.kind === "Pod");
      const pod = owner === undefined ? undefined : allPods.lister.get(`${metadata?.namespace ?? ""}/${owner.name}`);
      if (pod !== undefined) enqueue(pod);
    };
    controller.own(allPods.addHandler({ add: enqueue }));
    controller.own(claims.addHandler({ add: claimChanged, delete: claimChanged }));
    return controller;
  },
};
