import { nullLogger } from "@knots/machinery";
import type { Logger } from "@knots/machinery";
import { filterByExtenders, scoreByExtenders } from "./extender/ask.ts";
import type { HttpExtender } from "./extender/http-extender.ts";
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

export interface PodPlacerOptions {
  readonly percentageOfNodesToScore?: number;
  readonly random?: () => number;
  readonly extenders?: readonly HttpExtender[];
  readonly logger?: Logger;
}

/** Where a cycle stands once nodes have been filtered. */
interface Outcome {
  readonly all: readonly NodeInfo[];
  readonly nodes: readonly NodeInfo[];
  /** Scores beside those of the plug-ins, by node. */
  readonly extra: ReadonlyMap<string, number>;
  readonly rejected: Map<string, Status>;
  readonly nodeNames: ReadonlySet<string> | undefined;
  readonly rejectedBy: ReadonlySet<string>;
}

const NO_SCORES: ReadonlyMap<string, number> = new Map();

/** Chooses nodes for the pods of one scheduler; remembers where it stopped looking so that each node gets its turn. */
export class PodPlacer {
  readonly #random: () => number;
  readonly #percentage: number | undefined;
  readonly #extenders: readonly HttpExtender[];
  readonly #logger: Logger;
  #start = 0;

  constructor(options: PodPlacerOptions = {}) {
    this.#random = options.random ?? (() => Math.random());
    this.#percentage = options.percentageOfNodesToScore;
    this.#extenders = options.extenders ?? [];
    this.#logger = options.logger ?? nullLogger;
  }

  /**
   * One scheduling cycle up to the choice of a node. Synchronous, so that nothing it reads changes meanwhile; a promise only
   * where an extender has a say about the pod.
   */
  place(profile: Profile, state: CycleState, pod: PodInfo): Placement | Promise<Placement> {
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
    const interested = this.#extenders.filter((extender) => extender.isInterested(pod));
    const feasible =
      // An extender may not want the nominated node: with one, all are looked at.
      (interested.length === 0 ? this.#nominatedOnly(profile, state, pod, nominated, rejected) : undefined) ??
      this.#feasible(profile, state, pod, candidates, rejected);
    if (!Array.isArray(feasible)) return { kind: "failed", status: feasible };
    const conclude = (nodes: readonly NodeInfo[], extra: ReadonlyMap<string, number>): Placement =>
      this.#conclude(profile, state, pod, { all, nodes, extra, rejected, nodeNames, rejectedBy });
    if (interested.length === 0 || feasible.length === 0) return conclude(feasible, NO_SCORES);
    return this.#askExtenders(interested, profile, pod, feasible, rejected, conclude);
  }

  async #askExtenders(
    extenders: readonly HttpExtender[],
    profile: Profile,
    pod: PodInfo,
    feasible: readonly NodeInfo[],
    rejected: Map<string, Status>,
    conclude: (nodes: readonly NodeInfo[], extra: ReadonlyMap<string, number>) => Placement,
  ): Promise<Placement> {
    const { nodes, status } = await filterByExtenders(extenders, pod, feasible, rejected, this.#logger);
    if (status !== undefined) return { kind: "failed", status };
    const extra = await scoreByExtenders(extenders, pod, nodes, this.#logger);
    // A node may have gone while they were asked.
    return conclude(
      nodes.filter((node) => profile.handle.snapshot().node(node.name) === node),
      extra,
    );
  }

  /** The best of the nodes that are left, or why there is none. */
  #conclude(profile: Profile, state: CycleState, pod: PodInfo, outcome: Outcome): Placement {
    const { all, nodes: feasible, extra, rejected, nodeNames, rejectedBy } = outcome;
    const best = this.#best(profile, state, pod, feasible, extra);
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
    const enough = feasibleNodesToFind(nodes.length, profile.percentageOfNodesToScore ?? this.#percentage);
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

  #best(
    profile: Profile,
    state: CycleState,
    pod: PodInfo,
    nodes: readonly NodeInfo[],
    extra: ReadonlyMap<string, number>,
  ): NodeInfo | undefined {
    if (nodes.length <= 1) return nodes[0];
    const scores = profile.score(state, pod, nodes);
    let best: NodeInfo | undefined;
    let highest = -Infinity;
    let equals = 0;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i];
      const score = (scores[i] ?? 0) + (extra.size === 0 ? 0 : (extra.get(node?.name ?? "") ?? 0));
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
