import type { Node, Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import type { Informer } from "@knots/client";
import { isNotFound } from "@knots/machinery";
import type { Timer } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import type { Controller, ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { NODE_INDEX, nodeIndexer } from "../nodelifecycle/pods.ts";
import { markDisrupted } from "./disruption-target.ts";
import type { Disruption } from "./disruption-target.ts";
import { MissingNodes, onNodesOutOfService, overThreshold, unscheduledTerminating } from "./garbage.ts";

const NAME = "pod-garbage-collector-controller";
const PERIOD = 20_000;

/** Deletes pods that nobody else will: of nodes that are gone, under deletion without a node, long ended and too many. */
export class PodGCController implements Controller {
  readonly name = NAME;
  readonly #ctx: ControllerContext;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #missing = new MissingNodes();
  #timer: Timer | undefined;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#pods = ctx.informers.informer(pods, { indexers: { [NODE_INDEX]: nodeIndexer } });
    this.#nodes = ctx.informers.informer(nodes);
  }

  start(): void {
    const round = (): void => {
      this.#round = this.collect()
        .catch((error: unknown) => {
          this.#ctx.logger.error({ err: error }, "pods could not be collected");
        })
        .finally(() => {
          if (!this.#stopped) this.#timer = this.#ctx.clock.setTimeout(round, PERIOD);
        });
    };
    round();
  }

  async collect(): Promise<void> {
    const all = this.#pods.lister.list();
    await this.#deleteAll(overThreshold(all, this.#ctx.options.terminatedPodGCThreshold));
    const outOfService = onNodesOutOfService(all, (name) => this.#nodes.lister.get(name));
    await this.#deleteAll(outOfService, {
      reason: "DeletionByPodGC",
      message: "PodGC: node is out of service",
      fail: true,
    });
    await this.#deleteAll(await this.#orphans(all), {
      reason: "DeletionByPodGC",
      message: "PodGC: node no longer exists",
      fail: true,
    });
    await this.#deleteAll(unscheduledTerminating(all));
  }

  async #orphans(all: readonly Pod[]): Promise<Pod[]> {
    const named = new Set(all.map((pod) => pod.spec?.nodeName ?? "").filter((name) => name !== ""));
    const exists = (name: string): boolean => this.#nodes.lister.get(name) !== undefined;
    const lasting = this.#missing.observe(named, exists, this.#ctx.clock.now());
    const gone: string[] = [];
    for (const name of lasting) {
      // The cache may have missed it; only the server's word deletes pods.
      try {
        await this.#ctx.client.resource(nodes).get(name);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        gone.push(name);
      }
    }
    return gone.flatMap((name) => this.#pods.lister.byIndex(NODE_INDEX, name));
  }

  async #deleteAll(garbage: readonly Pod[], why?: Disruption): Promise<void> {
    const results = await Promise.allSettled(garbage.map((pod) => this.#delete(pod, why)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  async #delete(pod: Pod, why: Disruption | undefined): Promise<void> {
    const { name, namespace, uid } = metaOf(pod);
    try {
      if (why !== undefined) await markDisrupted(this.#ctx, pod, why);
      this.#ctx.logger.info({ pod: `${namespace}/${name}`, why: why?.message }, "deleting a pod that nobody else will");
      await this.#ctx.client.resource(pods, namespace).delete(name, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#round;
  }
}

export const podGCController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) => new PodGCController(ctx),
};
