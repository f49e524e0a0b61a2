import type { ControllerRevision, DaemonSet } from "@knots/api/apps/v1";
import { controllerRevisions, daemonSets } from "@knots/api/apps/v1";
import type { Node, Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import { Expectations } from "@knots/client";
import type { EventRecorder, Informer } from "@knots/client";
import { isNotFound, selectorFromLabelSelector } from "@knots/machinery";
import { Backoff } from "../framework/backoff.ts";
import { semanticEqual } from "../framework/equality.ts";
import { RevisionClient, surplusRevisions } from "../framework/history.ts";
import { claimCandidates, ownedInformer } from "../framework/informers.ts";
import { isBeingDeleted, keyOf, metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { OwnWrites } from "../framework/own-writes.ts";
import { resolveOwner, watchOwned } from "../framework/owned-events.ts";
import { isNamespaceTerminating, PodControl } from "../framework/pod-control.ts";
import { isReady, nextAvailability } from "../framework/pod-state.ts";
import { QueueController } from "../framework/queue-controller.ts";
import { claimObjects } from "../framework/ref-manager.ts";
import { allSettledOrThrow, slowStartBatch } from "../framework/slow-start.ts";
import type { ControllerContext } from "../framework/types.ts";
import { withoutZeroes } from "../replicaset/status.ts";
import { constructHistory, hashOf } from "./history.ts";
import { placementOn } from "./placement.ts";
import { planNodes, planRollingUpdate, podsByNode } from "./plan.ts";
import { daemonSetStatus } from "./status.ts";
import { daemonPod, daemonSetRef, targetNode } from "./template.ts";

/** Most pods created or deleted in one reconciliation. */
const BURST_REPLICAS = 250;
const FAILED_POD_BACKOFF = { base: 1000, max: 15 * 60_000 };

/** Runs one pod of a DaemonSet on every node it belongs on. */
export class DaemonSetController {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #sets: Informer<DaemonSet>;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #revisions: Informer<ControllerRevision>;
  readonly #expectations: Expectations;
  readonly #writes = new OwnWrites();
  readonly #recorder: EventRecorder;
  readonly #podControl: PodControl;
  /** A kubelet that refuses a pod and a controller that replaces it at once would keep each other busy. */
  readonly #failed: Backoff;

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#sets = ctx.informers.informer(daemonSets);
    this.#pods = ownedInformer(ctx, pods);
    this.#nodes = ctx.informers.informer(nodes);
    this.#revisions = ownedInformer(ctx, controllerRevisions);
    this.#expectations = new Expectations({ clock: ctx.clock });
    this.#recorder = ctx.recorder("daemonset-controller");
    this.#podControl = new PodControl(ctx.client, this.#recorder);
    this.#failed = new Backoff(ctx.clock, FAILED_POD_BACKOFF);
    this.controller = new QueueController({
      name: "daemonset-controller",
      ctx,
      workers: concurrency(ctx.options, "daemonset"),
      reconcile: (key) => this.reconcile(key),
    });
    this.#subscribe();
  }

  #subscribe(): void {
    const queue = this.controller;
    const enqueue = (set: DaemonSet): void => queue.enqueue(set);
    queue.own(
      this.#sets.addHandler({
        add: enqueue,
        update: (_old, set) => enqueue(set),
        delete: (set) => {
          this.#expectations.delete(keyOf(set));
          enqueue(set);
        },
      }),
    );
    const selecting = (labels: Record<string, string> | undefined, namespace: string | undefined): DaemonSet[] =>
      this.#sets.lister
        .list(namespace ?? "")
        .filter((set) => selectorFromLabelSelector(set.spec?.selector).matches(labels ?? {}));
    queue.own(
      watchOwned<Pod, DaemonSet>({
        informer: this.#pods,
        resolve: (ref, namespace) => resolveOwner(ref, namespace, "DaemonSet", (key) => this.#sets.lister.get(key)),
        mayAdopt: (pod) => selecting(pod.metadata?.labels, pod.metadata?.namespace),
        added: (set) => {
          this.#expectations.creationObserved(keyOf(set));
          enqueue(set);
        },
        updated: (set, pod, old) => {
          enqueue(set);
          const minReadySeconds = set.spec?.minReadySeconds ?? 0;
          if (!isReady(old) && isReady(pod) && minReadySeconds > 0) {
            queue.enqueueAfter(set, minReadySeconds * 1000 + 1000);
          }
        },
        deleted: (set, pod) => {
          this.#expectations.deletionObserved(keyOf(set), metaOf(pod).uid);
          enqueue(set);
        },
        changed: enqueue,
      }),
    );
    queue.own(
      watchOwned<ControllerRevision, DaemonSet>({
        informer: this.#revisions,
        resolve: (ref, namespace) => resolveOwner(ref, namespace, "DaemonSet", (key) => this.#sets.lister.get(key)),
        mayAdopt: (revision) => selecting(revision.metadata?.labels, revision.metadata?.namespace),
        // One that has its owner is what the owner has just made (upstream: addHistory).
        added: () => undefined,
        updated: enqueue,
        deleted: enqueue,
        changed: enqueue,
      }),
    );
    const all = (): void => {
      for (const set of this.#sets.lister.list()) enqueue(set);
    };
    queue.own(
      this.#nodes.addHandler({
        add: all,
        update: (old, node) => {
          // Heartbeats are no news.
          if (semanticEqual(old.metadata?.labels, node.metadata?.labels) && semanticEqual(old.spec, node.spec)) return;
          for (const set of this.#sets.lister.list()) {
            if (!semanticEqual(placementOn(set, old), placementOn(set, node))) enqueue(set);
          }
        },
        delete: all,
      }),
    );
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const set = this.#sets.lister.get(key);
    if (set === undefined) {
      this.#expectations.delete(key);
      return;
    }
    if (semanticEqual(set.spec?.selector, {})) {
      const message = "This daemon set is selecting all pods. A non-empty selector is required.";
      this.#recorder.event(set, "Warning", "SelectingAll", message);
      return;
    }
    if (isBeingDeleted(set) || this.#writes.isStale(set)) return;
    const allNodes = this.#nodes.lister.list();
    const history = await constructHistory(this.#ctx.client, this.#revisions, set);
    const hash = hashOf(history.current);
    let observedGeneration = set.status?.observedGeneration ?? 0;
    if (this.#expectations.satisfied(key)) {
      await this.#manage(key, set, allNodes, hash);
      if (
        this.#expectations.satisfied(key) &&
        (set.spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate"
      ) {
        await this.#rollingUpdate(key, set, allNodes, hash);
      }
      await this.#cleanHistory(set, history.old);
      observedGeneration = set.metadata?.generation ?? 0;
    }
    return this.#updateStatus(set, allNodes, hash, observedGeneration, history.collisionCount);
  }

  async #claim(set: DaemonSet): Promise<Pod[]> {
    const { namespace, name } = metaOf(set);
    return claimObjects(claimCandidates(this.#pods, set), {
      owner: set,
      controllerRef: daemonSetRef(set),
      selector: selectorFromLabelSelector(set.spec?.selector),
      client: this.#ctx.client.resource(pods, namespace),
      getLiveOwner: () => this.#ctx.client.resource(daemonSets, namespace).get(name),
    });
  }

  async #manage(key: string, set: DaemonSet, allNodes: readonly Node[], hash: string): Promise<void> {
    const byNode = podsByNode(await this.#claim(set));
    const id = (node: string): string => `${metaOf(set).uid}/${set.status?.observedGeneration ?? 0}/${node}`;
    const plan = planNodes(set, allNodes, byNode, hash, this.#ctx.clock.now(), (node) => {
      const wait = this.#failed.remaining(id(node));
      if (wait > 0) this.controller.enqueueAfter(set, wait);
      return wait > 0;
    });
    for (const pod of plan.failed) {
      const node = targetNode(pod);
      this.#failed.next(id(node));
      const message = `Found failed daemon pod ${keyOf(pod)} on node ${node}, will try to kill it`;
      this.#recorder.event(set, "Warning", "FailedDaemonPod", message);
    }
    for (const pod of plan.succeeded) {
      const message = `Found succeeded daemon pod ${keyOf(pod)} on node ${targetNode(pod)}, will try to delete it`;
      this.#recorder.event(set, "Normal", "SucceededDaemonPod", message);
    }
    await this.#apply(key, set, plan.create, plan.remove, hash);
  }

  async #rollingUpdate(key: string, set: DaemonSet, allNodes: readonly Node[], hash: string): Promise<void> {
    const byNode = podsByNode(await this.#claim(set));
    const plan = planRollingUpdate(set, allNodes, byNode, hash, this.#ctx.clock.now());
    await this.#apply(key, set, plan.create, plan.remove, hash);
  }

  async #apply(
    key: string,
    set: DaemonSet,
    create: readonly string[],
    remove: readonly Pod[],
    hash: string,
  ): Promise<void> {
    const targets = create.slice(0, BURST_REPLICAS);
    const victims = remove.slice(0, BURST_REPLICAS);
    if (targets.length === 0 && victims.length === 0) return;
    this.#expectations.expectCreations(key, targets.length);
    this.#expectations.expectDeletions(
      key,
      victims.map((pod) => metaOf(pod).uid),
    );
    const { successes, error } = await slowStartBatch(targets.length, async (i) => {
      try {
        await this.#podControl.create(daemonPod(set, targets[i] as string, hash), set);
      } catch (cause) {
        if (!isNamespaceTerminating(cause)) throw cause;
        this.#expectations.creationObserved(key);
      }
    });
    for (let i = successes; i < targets.length; i++) this.#expectations.creationObserved(key);
    await allSettledOrThrow(
      victims.map(async (pod) => {
        try {
          await this.#podControl.delete(pod, set);
        } catch (cause) {
          this.#expectations.deletionObserved(key, metaOf(pod).uid);
          if (!isNotFound(cause)) throw cause;
        }
      }),
    );
    if (error !== undefined) throw error;
  }

  async #cleanHistory(set: DaemonSet, old: readonly ControllerRevision[]): Promise<void> {
    const inUse = new Set((await this.#claim(set)).map((pod) => pod.metadata?.labels?.["controller-revision-hash"]));
    const live = old.filter((revision) => inUse.has(hashOf(revision)));
    const unused = old.filter((revision) => !inUse.has(hashOf(revision)));
    // Those in use count towards the limit, but stay.
    const limit = Math.max(0, (set.spec?.revisionHistoryLimit ?? 10) - live.length);
    const client = new RevisionClient(this.#ctx.client, metaOf(set).namespace);
    for (const revision of surplusRevisions(unused, limit)) await client.delete(revision);
  }

  async #updateStatus(
    set: DaemonSet,
    allNodes: readonly Node[],
    hash: string,
    observedGeneration: number,
    collisionCount: number | undefined,
  ): Promise<void | { requeueAfterMs: number }> {
    const owned = await this.#claim(set);
    const now = this.#ctx.clock.now();
    const status = daemonSetStatus(set, allNodes, podsByNode(owned), hash, now, observedGeneration);
    if (collisionCount !== undefined) status.collisionCount = collisionCount;
    if (set.status === undefined || !semanticEqual(withoutZeroes(set.status), withoutZeroes(status))) {
      const client = this.#ctx.client.resource(daemonSets, metaOf(set).namespace);
      this.#writes.note(await client.updateStatus({ ...set, status }));
    }
    const next = nextAvailability(owned, set.spec?.minReadySeconds ?? 0, now);
    if (next !== undefined) return { requeueAfterMs: next };
  }
}
