import type { Deployment, ReplicaSet, StatefulSet } from "@knots/api/apps/v1";
import { deployments, replicaSets, statefulSets } from "@knots/api/apps/v1";
import type { Pod, ReplicationController } from "@knots/api/core/v1";
import { replicationControllers } from "@knots/api/core/v1";
import type { Informer } from "@knots/client";
import { getControllerOf, isNotFound } from "@knots/machinery";
import type { OwnerReference } from "@knots/machinery";
import { ownedInformer } from "../framework/informers.ts";
import { resolveOwner } from "../framework/owned-events.ts";
import { ScaleTargets } from "../framework/scale-target.ts";
import type { ControllerContext } from "../framework/types.ts";

export interface ExpectedScale {
  readonly replicas: number;
  /** Names of pods that nobody manages. */
  readonly unmanaged: readonly string[];
}

/** Owners whose scales are in the cache: one that is not there is gone. */
const BUILT_IN: ReadonlySet<string> = new Set([
  "apps/v1/ReplicaSet",
  "apps/v1/StatefulSet",
  "v1/ReplicationController",
]);

/** Finds out how many pods the owners of some pods are meant to have. */
export class ScaleFinder {
  readonly #deployments: Informer<Deployment>;
  readonly #replicaSets: Informer<ReplicaSet>;
  readonly #statefulSets: Informer<StatefulSet>;
  readonly #replicationControllers: Informer<ReplicationController>;
  readonly #targets: ScaleTargets;

  constructor(ctx: ControllerContext) {
    this.#deployments = ctx.informers.informer(deployments);
    this.#replicaSets = ownedInformer(ctx, replicaSets);
    this.#statefulSets = ctx.informers.informer(statefulSets);
    this.#targets = new ScaleTargets(ctx.client, () => ctx.clock.now());
    this.#replicationControllers = ownedInformer(ctx, replicationControllers);
  }

  /** Replicas of all owners together. Pods without an owner are left out, and named; an owner without a scale is an error. */
  async expected(pods: readonly Pod[]): Promise<ExpectedScale> {
    const scales = new Map<string, number>();
    const unmanaged: string[] = [];
    for (const pod of pods) {
      const ref = getControllerOf(pod);
      if (ref === undefined) unmanaged.push(pod.metadata?.name ?? "");
      if (ref === undefined || scales.has(ref.uid)) continue;
      const found = this.#scaleOf(pod) ?? (await this.#customScale(ref, pod));
      if (found === undefined) throw new Error(`found no controllers for pod "${pod.metadata?.name ?? ""}"`);
      // Pods of one Deployment have several ReplicaSets: their own reference need not be the one that counts.
      scales.set(found.uid, found.replicas);
    }
    return { replicas: [...scales.values()].reduce((sum, replicas) => sum + replicas, 0), unmanaged };
  }

  /** Any other owner tells by its scale subresource, if it has one. */
  async #customScale(ref: OwnerReference, pod: Pod): Promise<{ uid: string; replicas: number } | undefined> {
    if (BUILT_IN.has(`${ref.apiVersion}/${ref.kind}`)) return undefined;
    try {
      const scale = await this.#targets.get(pod.metadata?.namespace ?? "", ref);
      return scale.metadata?.uid === ref.uid ? { uid: ref.uid, replicas: scale.spec?.replicas ?? 0 } : undefined;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new Error(`${await this.#targets.groupResource(ref)} does not implement the scale subresource`, {
        cause: error,
      });
    }
  }

  #scaleOf(pod: Pod): { uid: string; replicas: number } | undefined {
    const namespace = pod.metadata?.namespace ?? "";
    const ref = getControllerOf(pod);
    if (ref === undefined) return undefined;
    const rs = resolveOwner(ref, namespace, "ReplicaSet", (key) => this.#replicaSets.lister.get(key));
    const rsRef = rs === undefined ? undefined : getControllerOf(rs);
    // An RS of anybody else's (a custom rollout) stands for itself.
    if (rsRef?.kind === "Deployment") {
      // In the middle of a rollout old and new pods count for one Deployment.
      const owner = resolveOwner(rsRef, namespace, "Deployment", (key) => this.#deployments.lister.get(key));
      return owner === undefined ? undefined : { uid: rsRef.uid, replicas: owner.spec?.replicas ?? 1 };
    }
    const owner =
      rs ??
      resolveOwner(ref, namespace, "StatefulSet", (key) => this.#statefulSets.lister.get(key)) ??
      resolveOwner(ref, namespace, "ReplicationController", (key) => this.#replicationControllers.lister.get(key));
    return owner === undefined ? undefined : { uid: ref.uid, replicas: owner.spec?.replicas ?? 1 };
  }
}
