import { pods } from "@knots/api/core/v1";
import type { Pod, PodCondition } from "@knots/api/core/v1";
import { formatTime, isNotFound } from "@knots/machinery";
import type { CycleState } from "../framework/cycle-state.ts";
import { fitErrorMessage } from "../framework/fit-error.ts";
import type { Handle } from "../framework/handle.ts";
import type { PostFilterPlugin, PostFilterResult } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { Profile } from "../framework/profile.ts";
import { errorStatus, unresolvable, unschedulable } from "../framework/status.ts";
import type { Status } from "../framework/status.ts";
import { NAMES } from "../plugins/names.ts";
import { askAboutPreemption } from "./extenders.ts";
import { pickCandidate, selectVictims } from "./victims.ts";
import type { Candidate } from "./victims.ts";

/** DefaultPreemptionArgs: so many candidates are enough to choose from. */
export interface DefaultPreemptionArgs {
  /** Of all nodes; 10 by default. */
  readonly minCandidateNodesPercentage?: number;
  /** At least so many; 100 by default. */
  readonly minCandidateNodesAbsolute?: number;
}

const NOT_HELPFUL: Status = unresolvable("Preemption is not helpful for scheduling");
const NO_VICTIMS: Status = unschedulable("No preemption victims found for incoming pod");

export interface PreemptionContext {
  readonly handle: Handle;
  /** The profile this plug-in is part of; it exists once all plug-ins do. */
  readonly profile: () => Profile;
  readonly random?: () => number;
  readonly args?: DefaultPreemptionArgs;
}

/** Makes room for a pod by deleting pods of lower priority, and promises it the node (status.nominatedNodeName). */
export function defaultPreemption(context: PreemptionContext): PostFilterPlugin {
  return {
    name: NAMES.defaultPreemption,
    events: ["AssignedPodDelete"],
    async postFilter(state, pod, rejected) {
      const result = await preempt(context, state, pod, rejected);
      if (result.status === undefined || result.status.reasons.length === 0) return result;
      const message = `preemption: ${result.status.reasons.join(", ")}`;
      return { ...result, status: { ...result.status, reasons: [message] } };
    },
  };
}

async function preempt(
  context: PreemptionContext,
  state: CycleState,
  pod: PodInfo,
  rejected: ReadonlyMap<string, Status>,
): Promise<PostFilterResult> {
  const { handle } = context;
  const ineligible = whyNotEligible(handle, pod, rejected);
  if (ineligible !== undefined) return { status: unschedulable(ineligible) };
  // Up to here and through the choice nothing is awaited but extenders: the snapshot is the one that rejected the pod.
  const { candidates, statuses } = findCandidates(context, state, pod, rejected);
  let left: readonly Candidate[] = candidates;
  try {
    if (handle.extenders.some(({ preempts }) => preempts)) left = await askAboutPreemption(handle, pod, candidates);
  } catch (error) {
    return { status: errorStatus(error) };
  }
  const best = pickCandidate(left);
  if (best === undefined) {
    const message = fitErrorMessage({
      nodeCount: statuses.size,
      rejected: statuses,
      preFilterMessage: "",
      rejectedBy: new Set(),
    });
    return { nominatedNodeName: "", status: unschedulable(message) };
  }
  try {
    await evictVictims(handle, pod, best);
  } catch (error) {
    return { status: errorStatus(error) };
  }
  return { nominatedNodeName: best.nodeName };
}

function whyNotEligible(handle: Handle, pod: PodInfo, rejected: ReadonlyMap<string, Status>): string | undefined {
  if (pod.pod.spec?.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
  const nominated = pod.pod.status?.nominatedNodeName ?? handle.nominator.nodeOf(pod.uid) ?? "";
  if (nominated === "" || rejected.get(nominated)?.code === "UnschedulableAndUnresolvable") return undefined;
  const node = handle.snapshot().node(nominated);
  for (const other of node?.pods.values() ?? []) {
    if (other.priority < pod.priority && isBeingPreempted(other.pod)) {
      return "not eligible due to a terminating pod on the nominated node.";
    }
  }
  return undefined;
}

/** On its way out because a scheduler asked for it; one that leaves for another reason may take much longer. */
function isBeingPreempted(pod: Pod): boolean {
  return (
    pod.metadata?.deletionTimestamp !== undefined &&
    (pod.status?.conditions ?? []).some(
      ({ type, status, reason }) =>
        type === "DisruptionTarget" && status === "True" && reason === "PreemptionByScheduler",
    )
  );
}

function findCandidates(
  { handle, profile, random = () => Math.random(), args = {} }: PreemptionContext,
  state: CycleState,
  pod: PodInfo,
  rejected: ReadonlyMap<string, Status>,
): { candidates: Candidate[]; statuses: Map<string, Status> } {
  const { nodes } = handle.snapshot();
  const statuses = new Map<string, Status>();
  const hopeful = nodes.filter(({ name }) => {
    if (rejected.get(name)?.code === "Unschedulable") return true;
    statuses.set(name, NOT_HELPFUL);
    return false;
  });
  const { minCandidateNodesPercentage = 10, minCandidateNodesAbsolute = 100 } = args;
  const enough = Math.max(minCandidateNodesAbsolute, Math.floor((nodes.length * minCandidateNodesPercentage) / 100));
  const start = Math.floor(random() * hopeful.length);
  const candidates: Candidate[] = [];
  // One that breaks no budget is looked for among all of them.
  const found = (): boolean =>
    candidates.length >= enough && candidates.some(({ budgetViolations }) => budgetViolations === 0);
  for (let i = 0; i < hopeful.length && !found(); i++) {
    const node = hopeful[(start + i) % hopeful.length];
    if (node === undefined) continue;
    const candidate = selectVictims(profile(), state, pod, node);
    if (candidate === undefined || candidate.victims.length === 0) statuses.set(node.name, NO_VICTIMS);
    else candidates.push(candidate);
  }
  return { candidates, statuses };
}

async function evictVictims(handle: Handle, pod: PodInfo, { nodeName, victims }: Candidate): Promise<void> {
  await Promise.all(victims.map((victim) => evict(handle, pod, nodeName, victim)));
  // Pods of lower priority that were promised this node would wait in vain.
  const outbid = [...handle.nominator.on(nodeName)].filter(({ priority }) => priority < pod.priority);
  await Promise.all(
    outbid.map(async (other) => {
      handle.nominator.delete(other.uid);
      if (!other.pod.status?.nominatedNodeName) return;
      try {
        await patchStatus(handle, other, { nominatedNodeName: null });
      } catch (error) {
        handle.logger.warn({ pod: other.key, err: error }, "a nomination could not be taken back");
      }
    }),
  );
}

async function evict(handle: Handle, pod: PodInfo, nodeName: string, victim: PodInfo): Promise<void> {
  if (victim.pod.metadata?.deletionTimestamp !== undefined && isBeingPreempted(victim.pod)) return;
  // One that only waits to be bound gives up its place and stays.
  if (handle.waitingPods.reject(victim.uid, NAMES.defaultPreemption, "preempted")) return;
  const condition: PodCondition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "PreemptionByScheduler",
    message: `${handle.schedulerName}: preempting to accommodate a higher priority pod`,
    lastTransitionTime: formatTime(new Date(handle.clock.now())),
    ...(victim.pod.metadata?.generation === undefined ? {} : { observedGeneration: victim.pod.metadata.generation }),
  };
  try {
    await patchStatus(handle, victim, { conditions: [condition] });
    await handle.client.resource(pods, victim.namespace).delete(victim.name, { preconditions: { uid: victim.uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return;
  }
  handle.recorder.event(victim.pod, "Normal", "Preempted", `Preempted by pod ${pod.uid} on node ${nodeName}`);
}

/** Merges into a pod's status; conditions by type. Throws the server's StatusError. */
export async function patchStatus(handle: Handle, pod: PodInfo, status: object): Promise<void> {
  await handle.client
    .resource(pods, pod.namespace)
    .patch(pod.name, { metadata: { uid: pod.uid }, status }, { type: "strategic", subresource: "status" });
}
