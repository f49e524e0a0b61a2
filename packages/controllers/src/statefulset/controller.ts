import type { ControllerRevision, StatefulSet, StatefulSetStatus } from "@knots/api/apps/v1";
import { controllerRevisions, statefulSets } from "@knots/api/apps/v1";
import type { PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import { persistentVolumeClaims, pods } from "@knots/api/core/v1";
import type { Informer } from "@knots/client";
import { isConflict, selectorFromLabelSelector } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { RevisionClient, surplusRevisions } from "../framework/history.ts";
import { claimCandidates, ownedInformer } from "../framework/informers.ts";
import { metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { OwnWrites } from "../framework/own-writes.ts";
import { resolveOwner, watchOwned } from "../framework/owned-events.ts";
import { isReady, nextAvailability } from "../framework/pod-state.ts";
import { QueueController } from "../framework/queue-controller.ts";
import { claimObjects } from "../framework/ref-manager.ts";
import type { RefManagerOptions } from "../framework/ref-manager.ts";
import type { ControllerContext } from "../framework/types.ts";
import { withoutZeroes } from "../replicaset/status.ts";
import { StatefulActions } from "./actions.ts";
import { isClaimOf, ordinalOf, revisionOf, statefulSetRef } from "./identity.ts";
import { planStatefulSet } from "./plan.ts";
import { syncRevisions } from "./revisions.ts";
import { statefulSetStatus } from "./status.ts";

/** Ms until a set is looked at again whose next pod waits for an old claim to go. */
const STALE_CLAIM_DELAY = 1000;

/** Keeps a StatefulSet's pods: each with a name, a place and claims of its own, and in order. */
export class StatefulSetController {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #sets: Informer<StatefulSet>;
  readonly #pods: Informer<Pod>;
  readonly #revisions: Informer<ControllerRevision>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #actions: StatefulActions;
  readonly #writes = new OwnWrites();

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#sets = ctx.informers.informer(statefulSets);
    this.#pods = ownedInformer(ctx, pods);
    this.#revisions = ownedInformer(ctx, controllerRevisions);
    const claims = ctx.informers.informer(persistentVolumeClaims);
    this.#claims = claims;
    this.#actions = new StatefulActions(ctx.client, ctx.recorder("statefulset-controller"), claims, this.#pods);
    this.controller = new QueueController({
      name: "statefulset-controller",
      ctx,
      workers: concurrency(ctx.options, "statefulset"),
      reconcile: (key) => this.reconcile(key),
    });
    this.#subscribe();
  }

  #subscribe(): void {
    const queue = this.controller;
    const enqueue = (set: StatefulSet): void => queue.enqueue(set);
    queue.own(this.#sets.addHandler({ add: enqueue, update: (_old, set) => enqueue(set), delete: enqueue }));
    queue.own(
      watchOwned<Pod, StatefulSet>({
        informer: this.#pods,
        resolve: (ref, namespace) => resolveOwner(ref, namespace, "StatefulSet", (key) => this.#sets.lister.get(key)),
        mayAdopt: (pod) =>
          this.#sets.lister
            .list(pod.metadata?.namespace ?? "")
            .filter((set) => selectorFromLabelSelector(set.spec?.selector).matches(pod.metadata?.labels ?? {})),
        added: enqueue,
        updated: (set, pod, old) => {
          enqueue(set);
          const minReadySeconds = set.spec?.minReadySeconds ?? 0;
          if (!isReady(old) && isReady(pod) && minReadySeconds > 0) {
            queue.enqueueAfter(set, minReadySeconds * 1000 + 1000);
          }
        },
        deleted: enqueue,
        changed: enqueue,
      }),
    );
    queue.own(this.#claims.addHandler({ delete: (claim) => this.#claimDeleted(claim) }));
  }

  /** A pod that has not started yet may need it again. */
  #claimDeleted({ metadata }: PersistentVolumeClaim): void {
    const [namespace, name] = [metadata?.namespace ?? "", metadata?.name ?? ""];
    for (const set of this.#sets.lister.list(namespace))
      if (set.spec?.volumeClaimTemplates?.some((template) => isClaimOf(set, template, name)))
        this.controller.enqueue(set);
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const set = this.#sets.lister.get(key);
    if (set === undefined || this.#writes.isStale(set)) return;
    const { namespace } = metaOf(set);
    const owned = await claimObjects(
      claimCandidates(this.#pods, set),
      { ...this.#claimOptions(set), client: this.#ctx.client.resource(pods, namespace) },
      (pod) => ordinalOf(set, pod) !== undefined,
    );
    const known = await claimObjects(claimCandidates(this.#revisions, set), {
      ...this.#claimOptions(set),
      client: this.#ctx.client.resource(controllerRevisions, namespace),
    });
    const now = this.#ctx.clock.now();
    const { current, update, collisionCount } = await syncRevisions(this.#ctx.client, set, known);
    const currentRevision = metaOf(current).name;
    const updateRevision = metaOf(update).name;
    let waitsForClaim = false;
    const actions = planStatefulSet({
      set,
      pods: owned,
      currentRevision,
      updateRevision,
      hasStaleClaim: (ordinal) => {
        const stale = this.#actions.hasStaleClaim(set, ordinal);
        waitsForClaim ||= stale;
        return stale;
      },
      lacksClaim: (ordinal) => this.#actions.lacksClaim(set, ordinal),
      now,
    });
    let failure: unknown;
    try {
      await this.#actions.syncClaimOwners(set, owned);
      await this.#actions.apply(set, actions, [current, update]);
    } catch (error) {
      failure = error;
    }
    const status = statefulSetStatus(set, owned, currentRevision, updateRevision, collisionCount, now);
    await this.#writeStatus(set, status);
    if (failure !== undefined) throw failure;
    await this.#truncateHistory(set, known, new Set([currentRevision, updateRevision, ...owned.map(revisionOf)]));
    // Nothing tells the set when a claim is gone that its predecessor's pod takes along.
    if (waitsForClaim) return { requeueAfterMs: STALE_CLAIM_DELAY };
    const next = nextAvailability(owned, set.spec?.minReadySeconds ?? 0, now);
    if (next !== undefined) return { requeueAfterMs: next };
  }

  #claimOptions(set: StatefulSet): Omit<RefManagerOptions<KubeObject>, "client"> {
    const { namespace, name } = metaOf(set);
    return {
      owner: set,
      controllerRef: statefulSetRef(set),
      selector: selectorFromLabelSelector(set.spec?.selector),
      getLiveOwner: () => this.#ctx.client.resource(statefulSets, namespace).get(name),
    };
  }

  async #writeStatus(set: StatefulSet, status: StatefulSetStatus): Promise<void> {
    if (set.status !== undefined && semanticEqual(withoutZeroes(set.status), withoutZeroes(status))) return;
    const { namespace, name, uid } = metaOf(set);
    const client = this.#ctx.client.resource(statefulSets, namespace);
    try {
      this.#writes.note(await client.updateStatus({ ...set, status }));
    } catch (error) {
      if (!isConflict(error)) throw error;
      const live = await client.get(name);
      if (live.metadata?.uid === uid) this.#writes.note(await client.updateStatus({ ...live, status }));
    }
  }

  async #truncateHistory(
    set: StatefulSet,
    revisions: readonly ControllerRevision[],
    live: ReadonlySet<string>,
  ): Promise<void> {
    const unused = revisions.filter((revision) => !live.has(metaOf(revision).name));
    const client = new RevisionClient(this.#ctx.client, metaOf(set).namespace);
    for (const revision of surplusRevisions(unused, set.spec?.revisionHistoryLimit)) await client.delete(revision);
  }
}
