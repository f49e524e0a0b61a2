import type { Pod } from "@knots/api/core/v1";
import type { CycleState } from "./cycle-state.ts";
import type { ClusterEvent } from "./events.ts";
import type { NodeInfo } from "./node-info.ts";
import type { PodInfo } from "./pod-info.ts";
import type { Status } from "./status.ts";

/** The highest score of a node by one plug-in, before weights; the lowest is 0. */
export const MAX_NODE_SCORE = 100;

/**
 * Everything up to Reserve runs synchronously, in one turn of the event loop: during a cycle nothing the plug-ins read
 * changes. What talks to the API server comes after (PreBind, Bind) or beside it (PostFilter).
 */
export interface Plugin {
  readonly name: string;
  /** Events after which a pod that this plug-in rejected is worth another try; all, where it is absent. */
  readonly events?: readonly ClusterEvent[];
  /** Says more exactly whether an event of `events` may help this pod. Absent: it may. */
  hint?(pod: PodInfo, event: ClusterEvent, old: unknown, current: unknown): boolean;
}

export interface PreEnqueuePlugin extends Plugin {
  /** A status keeps the pod out of the queue. */
  preEnqueue(pod: PodInfo): Status | undefined;
}

export interface QueueSortPlugin extends Plugin {
  /** Less than 0 when `a` goes first. */
  compare(a: Queued, b: Queued): number;
}

export interface Queued {
  readonly info: PodInfo;
  /** When it came into the queue, ms. */
  readonly timestamp: number;
}

export interface PreFilterResult {
  /** Only these nodes are looked at. */
  readonly nodeNames?: ReadonlySet<string>;
  readonly status?: Status;
}

export interface PreFilterPlugin extends Plugin {
  /** Computes once per pod what Filter needs. Skip: Filter has nothing to check. */
  preFilter(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): PreFilterResult | undefined;
  /** Updates that state as if `added` ran on the node. */
  addPod?(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void;
  removePod?(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void;
}

export interface FilterPlugin extends Plugin {
  filter(state: CycleState, pod: PodInfo, node: NodeInfo): Status | undefined;
}

export interface PostFilterResult {
  readonly nominatedNodeName?: string;
  readonly status?: Status;
}

export interface PostFilterPlugin extends Plugin {
  /** Called when no node passed, with what each node (or, by absence, `Preemption is not helpful`) was rejected for. */
  postFilter(
    state: CycleState,
    pod: PodInfo,
    rejected: ReadonlyMap<string, Status>,
  ): PostFilterResult | Promise<PostFilterResult>;
}

export interface PreScorePlugin extends Plugin {
  preScore(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): Status | undefined;
}

export interface ScorePlugin extends Plugin {
  score(state: CycleState, pod: PodInfo, node: NodeInfo): number;
  /** Brings the scores, in the order of the nodes, to 0…MAX_NODE_SCORE, in place. */
  normalize?(state: CycleState, pod: PodInfo, scores: number[], nodes: readonly NodeInfo[]): void;
}

export interface ReservePlugin extends Plugin {
  reserve(state: CycleState, pod: PodInfo, nodeName: string): Status | undefined;
  /** Undoes reserve; must not fail, and may be called for what was never reserved. */
  unreserve(state: CycleState, pod: PodInfo, nodeName: string): void;
}

export interface PermitPlugin extends Plugin {
  /** `wait`: the pod is held until `handle.waitingPods` is told to allow or reject it, for so many ms at most. */
  permit(state: CycleState, pod: PodInfo, nodeName: string): Status | { readonly wait: number } | undefined;
}

export interface PreBindPlugin extends Plugin {
  preBind(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Status | undefined>;
}

export interface BindPlugin extends Plugin {
  /** The first that does not skip binds. */
  bind(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined>;
}

export interface PostBindPlugin extends Plugin {
  postBind(state: CycleState, pod: PodInfo, nodeName: string): void;
}

/** A plug-in may be several of these at once. */
export type AnyPlugin = Plugin &
  Partial<
    Omit<PreEnqueuePlugin, keyof Plugin> &
      Omit<QueueSortPlugin, keyof Plugin> &
      Omit<PreFilterPlugin, keyof Plugin> &
      Omit<FilterPlugin, keyof Plugin> &
      Omit<PostFilterPlugin, keyof Plugin> &
      Omit<PreScorePlugin, keyof Plugin> &
      Omit<ScorePlugin, keyof Plugin> &
      Omit<ReservePlugin, keyof Plugin> &
      Omit<PermitPlugin, keyof Plugin> &
      Omit<PreBindPlugin, keyof Plugin> &
      Omit<BindPlugin, keyof Plugin> &
      Omit<PostBindPlugin, keyof Plugin>
  >;

/** Whether a pod is for a scheduler at all. */
export function isUnscheduled(pod: Pod): boolean {
  return !pod.spec?.nodeName;
}
