import type { Node, Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { isNotFound } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { metaOf } from "../framework/objects.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { NODE_INDEX, nodeIndexer } from "../nodelifecycle/pods.ts";
import { markDisrupted } from "../podgc/disruption-target.ts";
import { evictionOf } from "./timing.ts";

const NAME = "taint-eviction-controller";

/** Since when a pod is to leave, and when it must. Ms. */
interface Scheduled {
  readonly uid: string;
  readonly since: number;
  readonly at: number;
}

/** Deletes pods from nodes whose NoExecute taints they do not, or no longer, tolerate. Keys are pods. */
export class TaintEvictionController {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #recorder: EventRecorder;
  readonly #scheduled = new Map<string, Scheduled>();

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#nodes = ctx.informers.informer(nodes);
    this.#pods = ctx.informers.informer(pods, { indexers: { [NODE_INDEX]: nodeIndexer } });
    this.#recorder = ctx.recorder("taint-eviction-controller");
    this.controller = new QueueController({
      name: NAME,
      ctx,
      workers: 8,
      baseDelayMs: 10,
      maxDelayMs: 30_000,
      reconcile: (key) => this.reconcile(key),
    });
    this.#subscribe();
  }

  #subscribe(): void {
    const nodeChanged = (node: Node): void => {
      for (const pod of this.#pods.lister.byIndex(NODE_INDEX, metaOf(node).name)) this.controller.enqueue(pod);
    };
    this.controller.own(
      this.#nodes.addHandler({
        add: (node) => {
          if (node.spec?.taints?.some(({ effect }) => effect === "NoExecute")) nodeChanged(node);
        },
        update: (old, node) => {
          if (!semanticEqual(old.spec?.taints, node.spec?.taints)) nodeChanged(node);
        },
      }),
    );
    this.controller.own(
      this.#pods.addHandler({
        add: (pod) => {
          if (pod.spec?.nodeName) this.controller.enqueue(pod);
        },
        update: (old, pod) => {
          const moved = old.spec?.nodeName !== pod.spec?.nodeName;
          if (moved || !semanticEqual(old.spec?.tolerations, pod.spec?.tolerations)) this.controller.enqueue(pod);
        },
        delete: (pod) => this.controller.enqueue(pod),
      }),
    );
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const pod = this.#pods.lister.get(key);
    const node = this.#nodes.lister.get(pod?.spec?.nodeName ?? "");
    const now = this.#ctx.clock.now();
    const previous = this.#scheduled.get(key);
    if (pod === undefined || node === undefined || metaOf(pod).uid !== previous?.uid) this.#scheduled.delete(key);
    if (pod === undefined || node === undefined || pod.metadata?.deletionTimestamp !== undefined) return;
    const { uid } = metaOf(pod);
    const eviction = evictionOf(node.spec?.taints ?? [], pod.spec?.tolerations ?? []);
    if (eviction.kind === "never") {
      if (this.#scheduled.delete(key)) this.#say(pod, `Cancelling deletion of Pod ${key}`);
      return;
    }
    if (eviction.kind === "after") {
      const since = previous?.uid === uid ? previous.since : now;
      const at = since + eviction.ms;
      this.#scheduled.set(key, { uid, since, at });
      if (at > now) return { requeueAfterMs: at - now };
    }
    this.#say(pod, `Marking for deletion Pod ${key}`);
    await this.#evict(pod);
    this.#scheduled.delete(key);
  }

  #say(pod: Pod, message: string): void {
    this.#recorder.event(pod, "Normal", "TaintManagerEviction", message);
  }

  async #evict(pod: Pod): Promise<void> {
    const { name, namespace, uid } = metaOf(pod);
    try {
      await markDisrupted(this.#ctx, pod, {
        reason: "DeletionByTaintManager",
        message: "Taint manager: deleting due to NoExecute taint",
      });
      await this.#ctx.client.resource(pods, namespace).delete(name, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

export const taintEvictionController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) => new TaintEvictionController(ctx).controller,
};
