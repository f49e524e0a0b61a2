import type { Deployment, ReplicaSet } from "@knots/api/apps/v1";
import { deployments, replicaSets } from "@knots/api/apps/v1";
import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { getControllerOf, selectorFromLabelSelector } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { claimCandidates, controlledBy, ownedInformer } from "../framework/informers.ts";
import { isBeingDeleted, metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { OwnWrites } from "../framework/own-writes.ts";
import { resolveOwner, watchOwned } from "../framework/owned-events.ts";
import { QueueController } from "../framework/queue-controller.ts";
import { claimObjects } from "../framework/ref-manager.ts";
import type { ControllerContext } from "../framework/types.ts";
import { isRollingUpdate } from "./limits.ts";
import { oldPodsRunning } from "./recreate.ts";
import { active, replicasOf } from "./replica-sets.ts";
import { planCleanup, planRollingUpdate } from "./rolling.ts";
import { Rollout } from "./rollout.ts";
import { isScalingEvent, planScaling } from "./scaling.ts";
import { deploymentStatus, isComplete, pausedConditions, progressCheckDelay, rolloutStatus } from "./status.ts";

type Outcome = void | { requeueAfterMs: number };

/** Runs each Deployment's template as ReplicaSets: one of the present template, older ones on their way to 0. */
export class DeploymentController {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #deployments: Informer<Deployment>;
  readonly #replicaSets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly #recorder: EventRecorder;
  readonly #writes = new OwnWrites();

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#deployments = ctx.informers.informer(deployments);
    this.#replicaSets = ownedInformer(ctx, replicaSets);
    this.#pods = ownedInformer(ctx, pods);
    this.#recorder = ctx.recorder("deployment-controller");
    this.controller = new QueueController({
      name: "deployment-controller",
      ctx,
      workers: concurrency(ctx.options, "deployment"),
      reconcile: (key) => this.reconcile(key),
    });
    this.#subscribe();
  }

  #subscribe(): void {
    const queue = this.controller;
    const enqueue = (deployment: Deployment): void => queue.enqueue(deployment);
    queue.own(
      this.#deployments.addHandler({
        add: enqueue,
        update: (_old, deployment) => enqueue(deployment),
        delete: enqueue,
      }),
    );
    queue.own(
      watchOwned<ReplicaSet, Deployment>({
        informer: this.#replicaSets,
        resolve: (ref, namespace) =>
          resolveOwner(ref, namespace, "Deployment", (key) => this.#deployments.lister.get(key)),
        mayAdopt: (rs) => this.#selecting(rs),
        added: enqueue,
        updated: enqueue,
        deleted: enqueue,
        changed: enqueue,
      }),
    );
    // Recreate waits for the last old pod to be gone, which no RS tells of.
    queue.own(this.#pods.addHandler({ delete: (pod) => this.#podDeleted(pod) }));
  }

  #selecting(rs: ReplicaSet): Deployment[] {
    return this.#deployments.lister
      .list(rs.metadata?.namespace ?? "")
      .filter((d) => selectorFromLabelSelector(d.spec?.selector).matches(rs.metadata?.labels ?? {}));
  }

  #podDeleted(pod: Pod): void {
    const namespace = pod.metadata?.namespace ?? "";
    const podRef = getControllerOf(pod);
    if (podRef === undefined) return;
    const rs = resolveOwner(podRef, namespace, "ReplicaSet", (key) => this.#replicaSets.lister.get(key));
    const rsRef = rs === undefined ? undefined : getControllerOf(rs);
    if (rsRef === undefined) return;
    const deployment = resolveOwner(rsRef, namespace, "Deployment", (key) => this.#deployments.lister.get(key));
    if (deployment !== undefined && !isRollingUpdate(deployment)) this.controller.enqueue(deployment);
  }

  async reconcile(key: string): Promise<Outcome> {
    const cached = this.#deployments.lister.get(key);
    if (cached === undefined) return;
    if (this.#writes.isStale(cached)) return;
    if (semanticEqual(cached.spec?.selector, {})) return this.#refuseEmptySelector(cached);
    const owned = await this.#claim(cached);
    if (owned.some((rs) => this.#writes.isStale(rs))) return;
    const rollout = new Rollout(
      { client: this.#ctx.client, recorder: this.#recorder, clock: this.#ctx.clock, writes: this.#writes },
      cached,
      owned,
    );
    if (isBeingDeleted(cached)) {
      this.#deriveStatus(rollout);
      return rollout.writeStatus();
    }
    const conditions = pausedConditions(cached, this.#ctx.clock.now());
    if (conditions !== undefined && conditions.length > 0) (rollout.deployment.status ??= {}).conditions = conditions;
    await rollout.syncRevision();
    if (cached.spec?.paused === true || isScalingEvent(cached, owned)) return this.#scaleOnly(rollout);
    if (isRollingUpdate(cached)) await this.#rollingUpdate(rollout);
    else await this.#recreate(rollout);
    return this.#finish(rollout);
  }

  async #refuseEmptySelector(cached: Deployment): Promise<void> {
    const message = "This deployment is selecting all pods. A non-empty selector is required.";
    this.#recorder.event(cached, "Warning", "SelectingAll", message);
    const generation = cached.metadata?.generation ?? 0;
    if ((cached.status?.observedGeneration ?? 0) >= generation) return;
    const next = { ...cached, status: { ...cached.status, observedGeneration: generation } };
    await this.#ctx.client.resource(deployments, metaOf(cached).namespace).updateStatus(next);
  }

  #claim(deployment: Deployment): Promise<ReplicaSet[]> {
    const { namespace, name, uid } = metaOf(deployment);
    return claimObjects(claimCandidates(this.#replicaSets, deployment), {
      owner: deployment,
      controllerRef: {
        apiVersion: "apps/v1",
        kind: "Deployment",
        name,
        uid,
        controller: true,
        blockOwnerDeletion: true,
      },
      selector: selectorFromLabelSelector(deployment.spec?.selector),
      client: this.#ctx.client.resource(replicaSets, namespace),
      getLiveOwner: () => this.#ctx.client.resource(deployments, namespace).get(name),
    });
  }

  /** A scaled or paused Deployment: sizes change, the template does not roll out further. */
  async #scaleOnly(rollout: Rollout): Promise<void> {
    const { deployment } = rollout;
    await rollout.scale(planScaling(deployment, rollout.newRS, rollout.oldRSs));
    if (deployment.spec?.paused === true) await rollout.deleteReplicaSets(planCleanup(deployment, rollout.oldRSs));
    this.#deriveStatus(rollout);
    await rollout.writeStatus();
  }

  #deriveStatus(rollout: Rollout): void {
    rollout.deployment.status = deploymentStatus(
      rollout.deployment,
      rollout.newRS,
      rollout.oldRSs,
      this.#ctx.clock.now(),
    );
  }

  async #rollingUpdate(rollout: Rollout): Promise<void> {
    const newRS = await rollout.ensureNewReplicaSet();
    if (await rollout.scale(planRollingUpdate(rollout.deployment, newRS, rollout.oldRSs))) return;
    await this.#cleanUp(rollout);
  }

  async #recreate(rollout: Rollout): Promise<void> {
    const down = active(rollout.oldRSs).map((rs) => ({ rs, replicas: 0 }));
    if (await rollout.scale(down)) return;
    const podsByOwner = new Map(rollout.all.map((rs) => [metaOf(rs).uid, controlledBy(this.#pods, rs)]));
    if (oldPodsRunning(rollout.newRS, rollout.oldRSs, podsByOwner)) return;
    const newRS = await rollout.ensureNewReplicaSet();
    const desired = replicasOf(rollout.deployment);
    if (replicasOf(newRS) !== desired) await rollout.scale([{ rs: newRS, replicas: desired }]);
    await this.#cleanUp(rollout);
  }

  async #cleanUp(rollout: Rollout): Promise<void> {
    if (!isComplete(rollout.deployment, rollout.deployment.status)) return;
    await rollout.deleteReplicaSets(planCleanup(rollout.deployment, rollout.oldRSs));
  }

  async #finish(rollout: Rollout): Promise<Outcome> {
    const now = this.#ctx.clock.now();
    const status = rolloutStatus(rollout.deployment, rollout.newRS, rollout.oldRSs, now);
    rollout.deployment.status = status;
    await rollout.writeStatus();
    const delay = progressCheckDelay(rollout.deployment, status, now);
    if (delay !== undefined) return { requeueAfterMs: delay };
  }
}
