import type { Deployment, ReplicaSet, StatefulSet } from "@knots/api/apps/v1";
import { deployments, replicaSets, statefulSets } from "@knots/api/apps/v1";
import type { Pod, ReplicationController } from "@knots/api/core/v1";
import { replicationControllers } from "@knots/api/core/v1";
import type { Informer } from "@knots/client";
import { getControllerOf } from "@knots/machinery";
import { ownedInformer } from "../framework/informers.ts";
import { resolveOwner } from "../framework/owned-events.ts";
import type { ControllerContext } from "../framework/types.ts";

/** Finds out how many pods the owners of some pods are meant to have. */
export class ScaleFinder {
  readonly #deployments: Informer<Deployment>;
  readonly #replicaSets: Informer<ReplicaSet>;
  readonly #statefulSets: Informer<StatefulSet>;
  readonly #replicationControllers: Informer<ReplicationController>;

  constructor(ctx: ControllerContext) {
    this.#deployments = ctx.informers.informer(deployments);
    this.#replicaSets = ownedInformer(ctx, replicaSets);
    this.#statefulSets = ctx.informers.informer(statefulSets);
    this.#replicationControllers = ownedInformer(ctx, replicationControllers);
  }

  /** Replicas of all owners together. Pods without an owner are left out; an owner of another kind is an error. */
  expected(pods: readonly Pod[]): number {
    const scales = new Map<string, number>();
    for (const pod of pods) {
      const ref = getControllerOf(pod);
      if (ref === undefined || scales.has(ref.uid)) continue;
      const found = this.#scaleOf(pod);
      if (found === undefined) throw new Error(`found no controllers for pod "${pod.metadata?.name ?? ""}"`);
      scales.set(found.uid, found.replicas);
    }
    return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  }

  #scaleOf(pod: Pod): { uid: string; replicas: number } | undefined {
    const namespace = pod.metadata?.namespace ?? "";
    const ref = getControllerOf(pod);
    if (ref === undefined) return undefined;
    const rs = resolveOwner(ref, namespace, "ReplicaSet", (key) => this.#replicaSets.lister.get(key));
    const rsRef = rs === undefined ? undefined : getControllerOf(rs);
    if (rsRef !== undefined) {
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
