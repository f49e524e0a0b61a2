import type { Node } from "@knots/api/core/v1";
import { nodes } from "@knots/api/core/v1";
import { isNotFound } from "@knots/machinery";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerInitializer } from "../framework/types.ts";

const NAME = "ttl-controller";
export const TTL_ANNOTATION = "node.alpha.kubernetes.io/ttl";

/** How long kubelets may keep a Secret or ConfigMap, by the size of the cluster; sizes overlap, so that none wavers. */
const BOUNDARIES = [
  { min: 0, max: 100, seconds: 0 },
  { min: 90, max: 500, seconds: 15 },
  { min: 450, max: 1000, seconds: 30 },
  { min: 900, max: 2000, seconds: 60 },
  { min: 1800, max: Number.POSITIVE_INFINITY, seconds: 120 },
] as const;

/** The step for a cluster of `size` nodes that was on `step`. Pure. */
export function nextStep(step: number, size: number): number {
  let next = step;
  while (size > (BOUNDARIES[next]?.max ?? Number.POSITIVE_INFINITY)) next++;
  while (size < (BOUNDARIES[next]?.min ?? 0)) next--;
  return next;
}

/** Tells each node by an annotation how long its kubelet may go without asking anew. */
export const ttlController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init(ctx) {
    const informer = ctx.informers.informer(nodes);
    let size = 0;
    let step = 0;
    const controller = new QueueController({
      name: NAME,
      ctx,
      workers: 2,
      async reconcile(name) {
        const node = informer.lister.get(name);
        const seconds = String(BOUNDARIES[step]?.seconds ?? 0);
        if (node === undefined || node.metadata?.annotations?.[TTL_ANNOTATION] === seconds) return;
        try {
          await ctx.client
            .resource(nodes)
            .patch(name, { metadata: { annotations: { [TTL_ANNOTATION]: seconds } } }, { type: "strategic" });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      },
    });
    const resized = (change: number): void => {
      size += change;
      const next = nextStep(step, size);
      if (next === step) return;
      step = next;
      for (const node of informer.lister.list()) controller.enqueue(node);
    };
    const enqueue = (node: Node): void => controller.enqueue(node);
    controller.own(
      informer.addHandler({
        add(node) {
          resized(1);
          enqueue(node);
        },
        update(old, node) {
          if (old.metadata?.annotations?.[TTL_ANNOTATION] !== node.metadata?.annotations?.[TTL_ANNOTATION])
            enqueue(node);
        },
        delete: () => resized(-1),
      }),
    );
    return controller;
  },
};
