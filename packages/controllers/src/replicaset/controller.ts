import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import type { ReplicaSetStatus } from "@knots/api/apps/v1";
import { Expectations } from "@knots/client";
import type { EventRecorder, Informer } from "@knots/client";
import { getControllerOf, isConflict, isNotFound } from "@knots/machinery";
import type { OwnerReference } from "@knots/machinery";
import { claimCandidates, controlledBy, ownedInformer } from "../framework/informers.ts";
import { isBeingDeleted, keyOf, metaOf } from "../framework/objects.ts";
import { OwnWrites } from "../framework/own-writes.ts";
import { resolveOwner, watchOwned } from "../framework/owned-events.ts";
import { isNamespaceTerminating, messageOf, PodControl, podFromTemplate } from "../framework/pod-control.ts";
import { isActive, isReady, isTerminating, nextAvailability } from "../framework/pod-state.ts";
import { QueueController } from "../framework/queue-controller.ts";
import { claimObjects } from "../framework/ref-manager.ts";
import { allSettledOrThrow, slowStartBatch } from "../framework/slow-start.ts";
import type { Controller, ControllerContext } from "../framework/types.ts";
import { coalesceDelay } from "./coalesce.ts";
import type { ReplicaKind, ReplicaOwner } from "./kinds.ts";
import { planReplicas } from "./plan.ts";
import { replicaStatus, sameReplicaStatus } from "./status.ts";

/** Keeps the asked number of pods for each object of a kind: ReplicaSets and ReplicationControllers alike. */
export class ReplicaController<T extends ReplicaOwner> {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #kind: ReplicaKind<T>;
  readonly #owners: Informer<T>;
  readonly #pods: Informer<Pod>;
  readonly #expectations: Expectations;
  readonly #writes = new OwnWrites();
  readonly #recorder: EventRecorder;
  readonly #podControl: PodControl;

  constructor(ctx: ControllerContext, kind: ReplicaKind<T>, name: string, workers: number) {
    this.#ctx = ctx;
    this.#kind = kind;
    this.#owners = ownedInformer(ctx, kind.type);
    this.#pods = ownedInformer(ctx, pods);
    this.#expectations = new Expectations({ clock: ctx.clock });
    this.#recorder = ctx.recorder(kind.component);
    this.#podControl = new PodControl(ctx.client, this.#recorder);
    this.controller = new QueueController({ name, ctx, workers, reconcile: (key) => this.reconcile(key) });
    this.#subscribe();
  }

  #subscribe(): void {
    const queue = this.controller;
    queue.own(
      this.#owners.addHandler({
        add: (owner) => queue.enqueue(owner),
        update: (_old, owner) => queue.enqueue(owner),
        delete: (owner) => {
          this.#expectations.delete(keyOf(owner));
          queue.enqueue(owner);
        },
      }),
    );
    queue.own(
      watchOwned<Pod, T>({
        informer: this.#pods,
        resolve: (ref, namespace) =>
          resolveOwner(ref, namespace, this.#kind.kind, (key) => this.#owners.lister.get(key)),
        mayAdopt: (pod) =>
          this.#owners.lister
            .list(pod.metadata?.namespace ?? "")
            .filter((owner) => this.#kind.selectorOf(owner).matches(pod.metadata?.labels ?? {})),
        added: (owner) => {
          this.#expectations.creationObserved(keyOf(owner));
          this.#lookSoon(owner);
        },
        updated: (owner, pod, old) => {
          this.#lookSoon(owner);
          const minReadySeconds = owner.spec?.minReadySeconds ?? 0;
          // A pod becomes available by the passing of time alone: no event will say so.
          if (!isReady(old) && isReady(pod) && minReadySeconds > 0) {
            queue.enqueueAfter(owner, minReadySeconds * 1000 + 1000);
          }
        },
        deleted: (owner, pod) => {
          this.#expectations.deletionObserved(keyOf(owner), metaOf(pod).uid);
          this.#lookSoon(owner);
        },
        changed: (owner) => queue.enqueue(owner),
      }),
    );
  }

  #lookSoon(owner: T): void {
    this.controller.enqueueAfter(owner, coalesceDelay(owner.spec?.replicas ?? 1));
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const owner = this.#owners.lister.get(key);
    if (owner === undefined) {
      this.#expectations.delete(key);
      return;
    }
    if (this.#writes.isStale(owner)) return;
    const settled = this.#expectations.satisfied(key);
    const controlled = controlledBy(this.#pods, owner);
    const activePods = await this.#claim(
      owner,
      claimCandidates(this.#pods, owner).filter((pod) => isActive(pod)),
    );
    const failure = settled && !isBeingDeleted(owner) ? await this.#manage(key, owner, activePods) : undefined;
    const now = this.#ctx.clock.now();
    const minReadySeconds = owner.spec?.minReadySeconds ?? 0;
    const status = replicaStatus({
      generation: owner.metadata?.generation ?? 0,
      previous: owner.status as ReplicaSetStatus | undefined,
      desired: owner.spec?.replicas ?? 1,
      minReadySeconds,
      templateLabels: this.#kind.templateOf(owner).metadata?.labels ?? {},
      activePods,
      terminatingReplicas: this.#kind.countsTerminating ? controlled.filter(isTerminating).length : undefined,
      failure: failure === undefined ? undefined : messageOf(failure),
      now,
    });
    await this.#writeStatus(owner, status);
    if (failure !== undefined) throw failure;
    const next = nextAvailability(activePods, minReadySeconds, now);
    if (next !== undefined) return { requeueAfterMs: next };
  }

  #claim(owner: T, candidates: readonly Pod[]): Promise<Pod[]> {
    const { namespace, name } = metaOf(owner);
    return claimObjects(candidates, {
      owner,
      controllerRef: this.#controllerRef(owner),
      selector: this.#kind.selectorOf(owner),
      client: this.#ctx.client.resource(pods, namespace),
      getLiveOwner: () => this.#ctx.client.resource(this.#kind.type, namespace).get(name),
    });
  }

  #controllerRef(owner: T): OwnerReference {
    const { name, uid } = metaOf(owner);
    return {
      apiVersion: this.#kind.apiVersion,
      kind: this.#kind.kind,
      name,
      uid,
      controller: true,
      blockOwnerDeletion: true,
    };
  }

  /** Creates or deletes pods; returns the first error so that status can tell of it. */
  async #manage(key: string, owner: T, activePods: readonly Pod[]): Promise<unknown> {
    const related = (): Pod[] => this.#relatedPods(owner, activePods);
    const plan = planReplicas(activePods, owner.spec?.replicas ?? 1, related, this.#ctx.clock.now());
    if (plan.kind === "none") return undefined;
    if (plan.kind === "create") {
      this.#expectations.expectCreations(key, plan.count);
      const { successes, error } = await slowStartBatch(plan.count, async () => {
        const pod = podFromTemplate(this.#kind.templateOf(owner), owner, this.#controllerRef(owner));
        try {
          await this.#podControl.create(pod, owner);
        } catch (cause) {
          if (!isNamespaceTerminating(cause)) throw cause;
          this.#expectations.creationObserved(key); // it will never come, nor is it to be tried again
        }
      });
      // No informer will ever show the pods that were not made.
      for (let i = successes; i < plan.count; i++) this.#expectations.creationObserved(key);
      return error;
    }
    this.#expectations.expectDeletions(
      key,
      plan.victims.map((pod) => metaOf(pod).uid),
    );
    try {
      await allSettledOrThrow(plan.victims.map((pod) => this.#deletePod(key, pod, owner)));
    } catch (error) {
      return error;
    }
    return undefined;
  }

  async #deletePod(key: string, pod: Pod, owner: T): Promise<void> {
    try {
      await this.#podControl.delete(pod, owner);
    } catch (error) {
      this.#expectations.deletionObserved(key, metaOf(pod).uid);
      if (!isNotFound(error)) throw error;
    }
  }

  /** Active pods of all objects of this kind with the same controller: old and new ReplicaSets of one Deployment. */
  #relatedPods(owner: T, own: readonly Pod[]): Pod[] {
    const controller = getControllerOf(owner);
    if (controller === undefined) return [...own];
    return this.#owners.lister
      .byIndex("controller", controller.uid)
      .flatMap((sibling) => controlledBy(this.#pods, sibling))
      .filter(isActive);
  }

  async #writeStatus(owner: T, status: ReplicaSetStatus): Promise<void> {
    if (sameReplicaStatus(owner.status as ReplicaSetStatus | undefined, status)) return;
    const { namespace, name, uid } = metaOf(owner);
    const client = this.#ctx.client.resource(this.#kind.type, namespace);
    try {
      this.#writes.note(await client.updateStatus(this.#kind.withStatus(owner, status)));
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error)) throw error;
      // The cache lags behind; the counts are of pods, not of this object, and stay right on its newest version.
      const live = await client.get(name);
      if (live.metadata?.uid !== uid) return;
      this.#writes.note(await client.updateStatus(this.#kind.withStatus(live, status)));
    }
  }
}

export function newReplicaController<T extends ReplicaOwner>(
  ctx: ControllerContext,
  kind: ReplicaKind<T>,
  name: string,
  workers: number,
): Controller {
  return new ReplicaController(ctx, kind, name, workers).controller;
}
