import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { resourceClaims, resourceClaimTemplates } from "@knots/api/resource/v1";
import type { ResourceClaim, ResourceClaimTemplate } from "@knots/api/resource/v1";
import { isDoneWithClaims } from "@knots/machinery";
import { ownedInformer } from "../framework/informers.ts";
import { isBeingDeleted, keyOf, metaOf } from "../framework/objects.ts";
import { isNamespaceTerminating, messageOf } from "../framework/pod-control.ts";
import { concurrency } from "../framework/options.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerInitializer } from "../framework/types.ts";
import { hasClaims, knownClaimNames } from "./claims.ts";
import { PodClaimError, PodClaims } from "./pods-claims.ts";
import { releaseClaim } from "./release.ts";

const NAME = "resourceclaim-controller";
/** Index of pods by the claims that they name. */
const CLAIM_INDEX = "resourceClaim";
const POD = "pod:";
const CLAIM = "claim:";
/** Pods known to be gone; for those forgotten the API server is asked. */
const MAX_GONE = 500;

/** Makes claims from templates for pods, and takes back from claims what ended pods had of them. */
export const resourceClaimController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init(ctx) {
    const claims = ownedInformer(ctx, resourceClaims);
    const templates = ctx.informers.informer(resourceClaimTemplates);
    const allPods = ctx.informers.informer(pods, {
      indexers: {
        [CLAIM_INDEX]: (pod) => knownClaimNames(pod).map((name) => `${pod.metadata?.namespace ?? ""}/${name}`),
      },
    });
    const recorder = ctx.recorder("resource_claim");
    const podClaims = new PodClaims({ client: ctx.client, claims, templates });
    const gone = new Set<string>();
    const release = { client: ctx.client, pods: allPods.lister, gone };

    const syncPod = async (key: string): Promise<void> => {
      const pod = allPods.lister.get(key);
      if (pod === undefined || isBeingDeleted(pod) || isDoneWithClaims(pod)) return;
      try {
        await podClaims.ensure(pod);
      } catch (error) {
        if (error instanceof PodClaimError) {
          if (isNamespaceTerminating(error.cause)) return;
          recorder.event(pod, "Warning", "FailedResourceClaimCreation", messageOf(error));
        }
        throw error;
      }
    };
    const syncClaim = async (key: string): Promise<void> => {
      const claim = claims.lister.get(key);
      if (claim !== undefined) await releaseClaim(release, claim);
    };
    const controller = new QueueController({
      name: NAME,
      ctx,
      workers: concurrency(ctx.options, "resource-claim"),
      async reconcile(key) {
        if (key.startsWith(POD)) await syncPod(key.slice(POD.length));
        else await syncClaim(key.slice(CLAIM.length));
      },
    });

    const podChanged = (pod: Pod): void => {
      if (!hasClaims(pod)) return;
      if (isDoneWithClaims(pod)) claimsOfPodChanged(pod);
      else if (!isBeingDeleted(pod)) controller.queue.add(`${POD}${keyOf(pod)}`);
    };
    const claimsOfPodChanged = (pod: Pod): void => {
      for (const name of knownClaimNames(pod)) controller.queue.add(`${CLAIM}${metaOf(pod).namespace}/${name}`);
    };
    const podGone = (pod: Pod): void => {
      if (!hasClaims(pod)) return;
      if (gone.size >= MAX_GONE) gone.delete(gone.values().next().value ?? "");
      gone.add(metaOf(pod).uid);
      podClaims.drop(pod);
      claimsOfPodChanged(pod);
    };
    const claimChanged = (claim: ResourceClaim): void => {
      podClaims.seen(claim);
      controller.queue.add(`${CLAIM}${keyOf(claim)}`);
      for (const pod of allPods.lister.byIndex(CLAIM_INDEX, keyOf(claim))) podChanged(pod);
    };
    const templateAdded = (template: ResourceClaimTemplate): void => {
      for (const pod of allPods.lister.list(template.metadata?.namespace)) {
        const wants = pod.spec?.resourceClaims?.some(
          ({ resourceClaimTemplateName }) => resourceClaimTemplateName === template.metadata?.name,
        );
        if (wants === true) podChanged(pod);
      }
    };
    controller.own(
      allPods.addHandler({
        add: podChanged,
        update(old, pod) {
          if (old.metadata?.uid !== pod.metadata?.uid) podGone(old);
          podChanged(pod);
        },
        delete: podGone,
      }),
    );
    controller.own(
      claims.addHandler({
        add: claimChanged,
        update: (_old, claim) => claimChanged(claim),
        delete(claim) {
          for (const pod of allPods.lister.byIndex(CLAIM_INDEX, keyOf(claim))) podChanged(pod);
        },
      }),
    );
    controller.own(templates.addHandler({ add: templateAdded }));
    return controller;
  },
};
