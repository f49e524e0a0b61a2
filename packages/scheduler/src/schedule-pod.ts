import { CycleState } from "./framework/cycle-state.ts";
import type { Diagnosis } from "./framework/fit-error.ts";
import type { NodeInfo } from "./framework/node-info.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import type { Profile } from "./framework/profile.ts";
import { isRejection, messageOf } from "./framework/status.ts";
import type { Status } from "./framework/status.ts";

/** A cluster of fewer nodes is always looked at whole. */
const MIN_FEASIBLE_NODES = 100;
const MIN_PERCENTAGE = 5;

export type Placement =
  | { readonly kind: "placed"; readonly nodeName: string; readonly evaluated: number; readonly feasible: number }
  | { readonly kind: "unfit"; readonly diagnosis: Diagnosis }
  | { readonly kind: "failed"; readonly status: Status };

/**
 * How many feasible nodes are enough to choose from: all of up to 100, then a share that falls with the size of the cluster
 * (50 % at 125 nodes or fewer steps up, 5 % at least), unless `percentage` (1–100) says it. Pure.
 */
export function feasibleNodesToFind(nodes: number, percentage: number | undefined): number {
  if (nodes < MIN_FEASIBLE_NODES) return nodes;
  let share = percentage ?? 0;
  if (share === 0) share = Math.max(MIN_PERCENTAGE, 50 - Math.floor(nodes / 125));
  return Math.max(MIN_FEASIBLE_NODES, Math.floor((nodes * share) / 100));
}

/** Chooses nodes for the pods of one scheduler; remembers where it stopped looking so that each node gets its turn. */
export class PodPlacer {
  readonly #random: () => number;
  readonly #percentage: number | undefined;
  #start = 0;

  constructor(options: { readonly percentageOfNodesToScore?: number; readonly random?: () => number } = {}) {
    this.#random = options.random ?? (() => Math.random());
    this.#percentage = options.percentageOfNodesToScore;
  }

  /** One scheduling cycle up to the choice of a node. Synchronous: nothing it reads changes meanwhile. */
  place(profile: Profile, state: CycleState, pod: PodInfo): Placement {
    const all = profile.handle.snapshot().nodes;
    if (all.length === 0) {
      return unfit(0, { preFilterMessage: "no nodes available to schedule pods" });
    }
    const { nodeNames, status, rejectedBy } = profile.preFilter(state, pod, all);
    if (status !== undefined) {
      if (!isRejection(status)) return { kind: "failed", status };
      const everywhere = new Map(all.map(({ name }) => [name, status]));
      return unfit(all.length, { preFilterMessage: messageOf(status), rejectedBy, rejected: everywhere });
    }
    const rejected = new Map<string, Status>();
    const nominated = pod.pod.status?.nominatedNodeName ?? profile.handle.nominator.nodeOf(pod.uid);
    const candidates = nodeNames === undefined ? all : all.filter(({ name }) => nodeNames.has(name));
    const feasible =
      this.#nominatedOnly(profile, state, pod, nominated, rejected) ??
      this.#feasible(profile, state, pod, candidates, rejected);
    if (!Array.isArray(feasible)) return { kind: "failed", status: feasible };
    const best = this.#best(profile, state, pod, feasible);
    if (best === undefined) {
      const plugins = new Set(rejectedBy);
      for (const { plugin } of rejected.values()) if (plugin !== undefined) plugins.add(plugin);
      if (nodeNames !== undefined) {
        const [narrowing] = rejectedBy;
        const reasons = [`node(s) didn't satisfy plugin(s) [${[...rejectedBy].join(" ")}]`];
        const outside: Status = {
          code: "UnschedulableAndUnresolvable",
          reasons,
          ...(narrowing === undefined ? {} : { plugin: narrowing }),
        };
        for (const { name } of all) if (!nodeNames.has(name)) rejected.set(name, outside);
      }
      return unfit(all.length, { rejected, rejectedBy: plugins });
    }
    return {
      kind: "placed",
      nodeName: best.name,
      evaluated: rejected.size + feasible.length,
      feasible: feasible.length,
    };
  }

  /** The node that preemption made room on comes first: when it fits, nothing else is looked at. */
  #nominatedOnly(
    profile: Profile,
    state: CycleState,
    pod: PodInfo,
    nominated: string | undefined,
    rejected: Map<string, Status>,
  ): NodeInfo[] | undefined {
    const node = nominated === undefined ? undefined : profile.handle.snapshot().node(nominated);
    if (node === undefined) return undefined;
    const status = profile.filterWithNominated(state, pod, node);
    if (status === undefined) return [node];
    rejected.set(node.name, status);
    return undefined;
  }

  #feasible(
    profile: Profile,
    state: CycleState,
    pod: PodInfo,
    nodes: readonly NodeInfo[],
    rejected: Map<string, Status>,
  ): NodeInfo[] | Status {
    const enough = feasibleNodesToFind(nodes.length, this.#percentage);
    const feasible: NodeInfo[] = [];
    const first = this.#start % Math.max(1, nodes.length);
    let looked = 0;
    while (looked < nodes.length && feasible.length < enough) {
      const node = nodes[(first + looked) % nodes.length];
      looked++;
      if (node === undefined) continue;
      const status = profile.filterWithNominated(state, pod, node);
      if (status === undefined) feasible.push(node);
      else if (isRejection(status)) rejected.set(node.name, status);
      else return status;
    }
    this.#start = nodes.length === 0 ? 0 : (first + looked) % nodes.length;
    return feasible;
  }

  #best(profile: Profile, state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): NodeInfo | undefined {
    if (nodes.length <= 1) return nodes[0];
    const scores = profile.score(state, pod, nodes);
    let best: NodeInfo | undefined;
    let highest = -Infinity;
    let equals = 0;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i];
      const score = scores[i] ?? 0;
      if (score > highest) {
        [best, highest, equals] = [node, score, 1];
      } else if (score === highest && this.#random() * ++equals < 1) best = node;
    }
    return best;
  }
}

function unfit(nodeCount: number, diagnosis: Partial<Diagnosis>): Placement {
  return {
    kind: "unfit",
    diagnosis: { nodeCount, rejected: new Map(), preFilterMessage: "", rejectedBy: new Set(), ...diagnosis },
  };
}
