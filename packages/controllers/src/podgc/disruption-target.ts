import type { Pod, PodCondition } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { isConflict } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import { podCondition } from "../framework/pod-state.ts";
import type { ControllerContext } from "../framework/types.ts";

export interface Disruption {
  readonly reason: string;
  readonly message: string;
  /** Also end a pod that nobody can end any more: its node is gone. */
  readonly fail?: boolean;
}

/** The pod with its DisruptionTarget condition; undefined where it has it already. Pure. */
export function withDisruptionTarget(pod: Pod, { reason, message, fail }: Disruption, now: number): Pod | undefined {
  const current = podCondition(pod, "DisruptionTarget");
  const phase = pod.status?.phase;
  const fails = fail === true && phase !== "Succeeded" && phase !== "Failed";
  if (!fails && current?.status === "True" && current.reason === reason && current.message === message)
    return undefined;
  const time = new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
  const condition: PodCondition = {
    type: "DisruptionTarget",
    status: "True",
    reason,
    message,
    observedGeneration: pod.metadata?.generation,
    lastTransitionTime: current?.status === "True" ? (current.lastTransitionTime ?? time) : time,
  };
  if (condition.observedGeneration === undefined) delete condition.observedGeneration;
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "DisruptionTarget");
  return {
    ...pod,
    status: { ...pod.status, ...(fails ? { phase: "Failed" } : {}), conditions: [...others, condition] },
  };
}

/** Writes why a pod is about to be deleted, before it is. Throws the server's StatusError. */
export async function markDisrupted(ctx: ControllerContext, pod: Pod, disruption: Disruption): Promise<void> {
  const { name, namespace, uid } = metaOf(pod);
  const client = ctx.client.resource(pods, namespace);
  const changed = withDisruptionTarget(pod, disruption, ctx.clock.now());
  if (changed === undefined) return;
  try {
    await client.updateStatus(changed);
  } catch (error) {
    if (!isConflict(error)) throw error;
    const live = await client.get(name);
    if (live.metadata?.uid !== uid) return;
    const again = withDisruptionTarget(live, disruption, ctx.clock.now());
    if (again !== undefined) await client.updateStatus(again);
  }
}
