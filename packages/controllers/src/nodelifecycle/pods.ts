import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import type { EventRecorder } from "@knots/client";
import { isConflict, isNotFound } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import { podCondition } from "../framework/pod-state.ts";
import type { ControllerContext } from "../framework/types.ts";

/** Name of the index of pods by spec.nodeName; shared by all controllers that ask for it. */
export const NODE_INDEX = "spec.nodeName";

export function nodeIndexer(pod: Pod): string[] {
  return pod.spec?.nodeName ? [pod.spec.nodeName] : [];
}

/** The pod with its Ready condition False; undefined when it is not ready anyway. Pure. */
export function notReady(pod: Pod, now: number): Pod | undefined {
  if (podCondition(pod, "Ready")?.status !== "True") return undefined;
  const time = new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    ...pod,
    status: {
      ...pod.status,
      conditions: (pod.status?.conditions ?? []).map((condition) =>
        condition.type === "Ready" ? { ...condition, status: "False", lastTransitionTime: time } : condition,
      ),
    },
  };
}

/** Takes the pods of a lost node out of service. Returns the first error; the others were tried all the same. */
export async function markPodsNotReady(
  ctx: ControllerContext,
  recorder: EventRecorder,
  onNode: readonly Pod[],
): Promise<unknown> {
  const results = await Promise.allSettled(
    onNode.map(async (pod) => {
      const { name, namespace } = metaOf(pod);
      const changed = notReady(pod, ctx.clock.now());
      if (changed === undefined) return;
      recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready");
      const client = ctx.client.resource(pods, namespace);
      try {
        await client.updateStatus(changed);
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error)) throw error;
        const live = notReady(await client.get(name), ctx.clock.now());
        if (live !== undefined) await client.updateStatus(live);
      }
    }),
  );
  return results.find((result) => result.status === "rejected")?.reason;
}
