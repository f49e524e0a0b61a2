import { CycleState } from "./cycle-state.ts";
import type { ExtensionPoint } from "./extension-points.ts";
import type { Handle } from "./handle.ts";
import type { NodeInfo } from "./node-info.ts";
import type {
  AnyPlugin,
  BindPlugin,
  FilterPlugin,
  PermitPlugin,
  Plugin,
  PostBindPlugin,
  PostFilterPlugin,
  PostFilterResult,
  PreBindPlugin,
  PreEnqueuePlugin,
  PreFilterPlugin,
  PreScorePlugin,
  QueueSortPlugin,
  ReservePlugin,
  ScorePlugin,
} from "./plugin.ts";
import type { PodInfo } from "./pod-info.ts";
import { errorStatus, isRejection } from "./status.ts";
import type { Status } from "./status.ts";
import type { Wait } from "./waiting-pods.ts";

/** The plug-ins of a profile, and where each of them runs. */
export interface ProfilePlugins {
  /** All that exist, whether or not they run anywhere: they know which events may help the pods that they rejected. */
  readonly plugins: readonly AnyPlugin[];
  /** Those of each extension point, in the order in which they run; each implements it. */
  at(point: ExtensionPoint): readonly AnyPlugin[];
  /** The weight of its score. */
  weight(name: string): number;
  readonly percentageOfNodesToScore?: number | undefined;
}

export interface PreFiltered {
  readonly nodeNames: ReadonlySet<string> | undefined;
  readonly status: Status | undefined;
  readonly rejectedBy: ReadonlySet<string>;
}

/** The plug-ins of one scheduler name, run at their extension points. */
export class Profile {
  readonly handle: Handle;
  readonly plugins: readonly AnyPlugin[];
  readonly queueSort: QueueSortPlugin;
  /** 1–100; undefined: the scheduler's. */
  readonly percentageOfNodesToScore: number | undefined;
  readonly #preEnqueue: readonly PreEnqueuePlugin[];
  readonly #preFilter: readonly PreFilterPlugin[];
  readonly #filter: readonly FilterPlugin[];
  readonly #postFilter: readonly PostFilterPlugin[];
  readonly #preScore: readonly PreScorePlugin[];
  readonly #score: readonly { readonly plugin: ScorePlugin; readonly weight: number }[];
  readonly #reserve: readonly ReservePlugin[];
  readonly #permit: readonly PermitPlugin[];
  readonly #preBind: readonly PreBindPlugin[];
  readonly #bind: readonly BindPlugin[];
  readonly #postBind: readonly PostBindPlugin[];

  /** Throws where not exactly one plug-in sorts the queue, or none binds. */
  constructor(handle: Handle, enabled: ProfilePlugins) {
    this.handle = handle;
    this.plugins = enabled.plugins;
    this.percentageOfNodesToScore = enabled.percentageOfNodesToScore;
    const name = handle.schedulerName;
    const at = <T extends Plugin>(point: ExtensionPoint): T[] => [...enabled.at(point)] as unknown as T[];
    const sorting = at<QueueSortPlugin>("queueSort");
    const [queueSort] = sorting;
    if (queueSort === undefined || sorting.length > 1)
      throw new Error(
        `only one queue sort plugin required for profile with scheduler name "${name}", but got ${sorting.length}`,
      );
    this.queueSort = queueSort;
    this.#preEnqueue = at("preEnqueue");
    this.#preFilter = at("preFilter");
    this.#filter = at("filter");
    this.#postFilter = at("postFilter");
    this.#preScore = at("preScore");
    this.#score = at<ScorePlugin>("score").map((plugin) => ({ plugin, weight: enabled.weight(plugin.name) }));
    this.#reserve = at("reserve");
    this.#permit = at("permit");
    this.#preBind = at("preBind");
    this.#bind = at("bind");
    this.#postBind = at("postBind");
    if (this.#bind.length === 0)
      throw new Error(`at least one bind plugin is needed for profile with scheduler name "${name}"`);
  }

  preEnqueue(pod: PodInfo): Status | undefined {
    for (const plugin of this.#preEnqueue) {
      const status = plugin.preEnqueue(pod);
      if (status !== undefined) return { ...status, plugin: plugin.name };
    }
    return undefined;
  }

  preFilter(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): PreFiltered {
    let nodeNames: ReadonlySet<string> | undefined;
    const narrowedBy = new Set<string>();
    for (const plugin of this.#preFilter) {
      const result = plugin.preFilter(state, pod, nodes);
      if (result?.status?.code === "Skip") state.skippedFilters.add(plugin.name);
      else if (result?.status !== undefined) {
        const rejectedBy = new Set(isRejection(result.status) ? [plugin.name] : []);
        return { nodeNames: undefined, status: { ...result.status, plugin: plugin.name }, rejectedBy };
      }
      if (result?.nodeNames === undefined) continue;
      narrowedBy.add(plugin.name);
      nodeNames = nodeNames === undefined ? result.nodeNames : new Set(result.nodeNames).intersection(nodeNames);
      if (nodeNames.size > 0) continue;
      const names = [...narrowedBy];
      const reason =
        names.length === 1
          ? `node(s) didn't satisfy plugin ${names.join()}`
          : `node(s) didn't satisfy plugin(s) [${names.join(" ")}] simultaneously`;
      return {
        nodeNames,
        status: { code: "UnschedulableAndUnresolvable", reasons: [reason], plugin: plugin.name },
        rejectedBy: narrowedBy,
      };
    }
    state.filters = this.#filter.filter(({ name }) => !state.skippedFilters.has(name));
    return { nodeNames, status: undefined, rejectedBy: narrowedBy };
  }

  addPod(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void {
    for (const plugin of this.#preFilter) {
      if (!state.skippedFilters.has(plugin.name)) plugin.addPod?.(state, pod, added, node);
    }
  }

  removePod(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void {
    for (const plugin of this.#preFilter) {
      if (!state.skippedFilters.has(plugin.name)) plugin.removePod?.(state, pod, removed, node);
    }
  }

  /** The first rejection of the node; undefined: it passes. */
  filter(state: CycleState, pod: PodInfo, node: NodeInfo): Status | undefined {
    for (const plugin of state.filters ?? this.#filter) {
      const status = plugin.filter(state, pod, node);
      if (status !== undefined) return { ...status, plugin: plugin.name };
    }
    return undefined;
  }

  /**
   * Filter on a node that may be promised to others: first with the nominated pods of equal or higher priority on it (their
   * victims may be gone already), then without them (they may never come, and the pod must not need them, by affinity).
   */
  filterWithNominated(state: CycleState, pod: PodInfo, node: NodeInfo): Status | undefined {
    const { nominator } = this.handle;
    if (nominator.empty || !nominator.has(node.name)) return this.filter(state, pod, node);
    const coming = [...nominator.on(node.name)].filter(
      (other) => other.priority >= pod.priority && other.uid !== pod.uid,
    );
    if (coming.length > 0) {
      const nodeWith = node.clone();
      const stateWith = state.clone();
      for (const other of coming) {
        nodeWith.addPod(other);
        this.addPod(stateWith, pod, other, nodeWith);
      }
      const status = this.filter(stateWith, pod, nodeWith);
      if (status !== undefined) return status;
    }
    return this.filter(state, pod, node);
  }

  /** Runs until one finds a node; what the others say is joined. */
  async postFilter(state: CycleState, pod: PodInfo, rejected: ReadonlyMap<string, Status>): Promise<PostFilterResult> {
    const reasons: string[] = [];
    for (const plugin of this.#postFilter) {
      const result = await plugin.postFilter(state, pod, rejected);
      if (result.status === undefined) return result;
      if (!isRejection(result.status)) return { ...result, status: { ...result.status, plugin: plugin.name } };
      reasons.push(...result.status.reasons);
    }
    return { status: { code: "Unschedulable", reasons } };
  }

  /** The weighted sum of all scores, in the order of the nodes. */
  score(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): number[] {
    for (const plugin of this.#preScore) {
      if (plugin.preScore(state, pod, nodes)?.code === "Skip") state.skippedScores.add(plugin.name);
    }
    const totals = nodes.map(() => 0);
    const scores = nodes.map(() => 0);
    for (const { plugin, weight } of this.#score) {
      if (state.skippedScores.has(plugin.name)) continue;
      for (let i = 0; i < nodes.length; i++) {
        const node = nodes[i];
        if (node !== undefined) scores[i] = plugin.score(state, pod, node);
      }
      plugin.normalize?.(state, pod, scores, nodes);
      for (let i = 0; i < nodes.length; i++) totals[i] = (totals[i] ?? 0) + (scores[i] ?? 0) * weight;
    }
    return totals;
  }

  /** On failure everything is unreserved again. */
  reserve(state: CycleState, pod: PodInfo, nodeName: string): Status | undefined {
    for (const plugin of this.#reserve) {
      const status = plugin.reserve(state, pod, nodeName);
      if (status === undefined) continue;
      this.unreserve(state, pod, nodeName);
      return { ...status, plugin: plugin.name };
    }
    return undefined;
  }

  unreserve(state: CycleState, pod: PodInfo, nodeName: string): void {
    for (const plugin of this.#reserve.toReversed()) plugin.unreserve(state, pod, nodeName);
  }

  /** A promise: the pod is to wait for it before it is bound. */
  permit(state: CycleState, pod: PodInfo, nodeName: string): Status | Promise<Status | undefined> | undefined {
    const waits: Wait[] = [];
    for (const plugin of this.#permit) {
      const result = plugin.permit(state, pod, nodeName);
      if (result === undefined) continue;
      if ("code" in result) return { ...result, plugin: plugin.name };
      waits.push({ plugin: plugin.name, timeoutMs: result.wait });
    }
    return waits.length === 0 ? undefined : this.handle.waitingPods.add(pod, nodeName, waits).settled;
  }

  /** PreBind, Bind (or `bindInstead`: an extender's) and PostBind. Never rejects: what goes wrong is the status. */
  async bind(
    state: CycleState,
    pod: PodInfo,
    nodeName: string,
    signal: AbortSignal,
    bindInstead?: () => Promise<void>,
  ): Promise<Status | undefined> {
    try {
      for (const plugin of this.#preBind) {
        const status = await plugin.preBind(state, pod, nodeName, signal);
        if (status !== undefined && status.code !== "Skip") return { ...status, plugin: plugin.name };
      }
      const status =
        bindInstead === undefined
          ? await this.#bindByPlugins(state, pod, nodeName)
          : ((await bindInstead()) as undefined);
      if (status !== undefined) return status;
      for (const plugin of this.#postBind) plugin.postBind(state, pod, nodeName);
      return undefined;
    } catch (error) {
      return errorStatus(error);
    }
  }

  async #bindByPlugins(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined> {
    for (const plugin of this.#bind) {
      const status = await plugin.bind(state, pod, nodeName);
      if (status?.code === "Skip") continue;
      return status === undefined ? undefined : { ...status, plugin: plugin.name };
    }
    return errorStatus(new Error("no bind plugin took the pod"));
  }
}
