import type { PodCondition } from "@knots/api/core/v1";
import { formatTime, isNotFound } from "@knots/machinery";
import type { Handle } from "./framework/handle.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import { patchStatus } from "./preemption/default-preemption.ts";

/** Events' notes end there (1 kB); conditions may be longer. */
const MAX_EVENT_MESSAGE = 1024;

export interface Failure {
  readonly reason: "Unschedulable" | "SchedulerError";
  readonly message: string;
  /** The node preemption made room on; "" takes a promise back; undefined leaves it as it is. */
  readonly nominatedNodeName?: string;
}

/** The status to merge so that the pod says why it waits; undefined: it says so already. Pure. */
export function failureStatus({ pod }: PodInfo, failure: Failure, now: string): object | undefined {
  const old = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  const same = old?.status === "False" && old.reason === failure.reason && old.message === failure.message;
  const nominated = pod.status?.nominatedNodeName ?? "";
  const renominate = failure.nominatedNodeName !== undefined && failure.nominatedNodeName !== nominated;
  if (same && !renominate) return undefined;
  const condition: PodCondition = {
    type: "PodScheduled",
    status: "False",
    reason: failure.reason,
    message: failure.message,
    lastTransitionTime: old?.status === "False" ? (old.lastTransitionTime ?? now) : now,
    ...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };
  return {
    conditions: [condition],
    ...(renominate ? { nominatedNodeName: failure.nominatedNodeName || null } : {}),
  };
}

/** Tells the pod's owner: an Event, and the PodScheduled condition. */
export async function reportFailure(handle: Handle, info: PodInfo, failure: Failure): Promise<void> {
  const { message } = failure;
  const note = message.length > MAX_EVENT_MESSAGE ? `${message.slice(0, MAX_EVENT_MESSAGE - 4)} ...` : message;
  handle.recorder.event(info.pod, "Warning", "FailedScheduling", note);
  const status = failureStatus(info, failure, formatTime(new Date(handle.clock.now())));
  if (status === undefined) return;
  try {
    await patchStatus(handle, info, status);
  } catch (error) {
    if (!isNotFound(error)) handle.logger.warn({ pod: info.key, err: error }, "a pod's status could not be written");
  }
}
