import type { TopologySpreadConstraint } from "@knots/api/core/v1";
import type { Selector } from "@knots/machinery";
import type { MatchCounts } from "../../cache/match-counts.ts";
import type { StateData } from "../../framework/cycle-state.ts";
import type { Handle } from "../../framework/handle.ts";
import { compileRequiredNodeAffinity } from "../../framework/node-selector.ts";
import { MAX_NODE_SCORE } from "../../framework/plugin.ts";
import type { FilterPlugin, PreFilterPlugin, PreScorePlugin, ScorePlugin } from "../../framework/plugin.ts";
import type { PodInfo } from "../../framework/pod-info.ts";
import { SKIP, unresolvable, unschedulable } from "../../framework/status.ts";
import { NAMES } from "../names.ts";
import {
  configuredDefaults,
  constraintsOf,
  domainOf,
  HOSTNAME,
  matchesByNode,
  nodeCounts,
  systemDefaults,
} from "./constraint.ts";
import type { Constraint } from "./constraint.ts";
import { HardDomains } from "./domains.ts";

const SKEW = unschedulable("node(s) didn't match pod topology spread constraints");
const MISSING_LABEL = unresolvable("node(s) didn't match pod topology spread constraints (missing required label)");
const SCORE_KEY = `${NAMES.podTopologySpread}/score`;

interface Soft {
  readonly constraint: Constraint;
  /** Matching pods per domain of the nodes that are compared; unused for the host name, where each node counts its own. */
  readonly counts: Map<string, number>;
  readonly placed: MatchCounts;
  readonly weight: number;
}

class SoftState implements StateData {
  readonly soft: readonly Soft[];
  readonly ignored: ReadonlySet<string>;

  constructor(soft: readonly Soft[], ignored: ReadonlySet<string>) {
    this.soft = soft;
    this.ignored = ignored;
  }

  clone(): SoftState {
    return this;
  }
}

/** PodTopologySpreadArgs. */
export interface PodTopologySpreadArgs {
  /** For pods without constraints of their own (defaultingType List); absent: upstream's (System). */
  readonly defaultConstraints?: readonly TopologySpreadConstraint[];
}

function hasConstraints({ pod }: PodInfo): boolean {
  return (pod.spec?.topologySpreadConstraints ?? []).length > 0;
}

function hardConstraints(
  handle: Handle,
  pod: PodInfo,
  { defaultConstraints = [] }: PodTopologySpreadArgs,
): Constraint[] {
  if (hasConstraints(pod) || defaultConstraints.length === 0) return constraintsOf(pod.pod, "DoNotSchedule");
  return configuredDefaults(defaultConstraints, "DoNotSchedule", () => handle.listers.defaultSelector(pod.pod));
}

function softConstraints(
  handle: Handle,
  pod: PodInfo,
  { defaultConstraints }: PodTopologySpreadArgs,
): { constraints: Constraint[]; byDefault: boolean } {
  if (hasConstraints(pod)) {
    return { constraints: constraintsOf(pod.pod, "ScheduleAnyway"), byDefault: false };
  }
  if (defaultConstraints !== undefined) {
    const kin = (): Selector | undefined => handle.listers.defaultSelector(pod.pod);
    return { constraints: configuredDefaults(defaultConstraints, "ScheduleAnyway", kin), byDefault: false };
  }
  return { constraints: systemDefaults(handle.listers.defaultSelector(pod.pod)), byDefault: true };
}

/** Spreads pods of a kind over zones, nodes or whatever a label names. */
export function podTopologySpread(
  handle: Handle,
  args: PodTopologySpreadArgs = {},
): PreFilterPlugin & FilterPlugin & PreScorePlugin & ScorePlugin {
  return {
    name: NAMES.podTopologySpread,
    events: [
      "AssignedPodAdd",
      "AssignedPodUpdate",
      "AssignedPodDelete",
      "NodeAdd",
      "NodeLabelChange",
      "NodeTaintChange",
      "PodUpdate",
    ],
    preFilter(state, pod, nodes) {
      const constraints = hardConstraints(handle, pod, args);
      if (constraints.length === 0) return { status: SKIP };
      const matches = pod.pod.spec === undefined ? undefined : compileRequiredNodeAffinity(pod.pod.spec);
      const placed = (constraint: Constraint): MatchCounts =>
        matchesByNode(handle.snapshot(), pod.namespace, constraint);
      state.write(NAMES.podTopologySpread, HardDomains.count(pod, constraints, matches, nodes, placed));
      return undefined;
    },
    addPod(state, _pod, added, node) {
      state.read<HardDomains>(NAMES.podTopologySpread)?.update(added, node, 1);
    },
    removePod(state, _pod, removed, node) {
      state.read<HardDomains>(NAMES.podTopologySpread)?.update(removed, node, -1);
    },
    filter(state, _pod, node) {
      const why = state.read<HardDomains>(NAMES.podTopologySpread)?.check(node);
      if (why === undefined) return undefined;
      return why === "skew" ? SKEW : MISSING_LABEL;
    },
    preScore(state, pod, nodes) {
      const { constraints, byDefault } = softConstraints(handle, pod, args);
      if (constraints.length === 0) return SKIP;
      const ignored = new Set<string>();
      const domains = constraints.map(() => new Map<string, number>());
      for (const node of nodes) {
        // Without all keys a node cannot be compared; the defaults ask no one to label nodes.
        if (!byDefault && constraints.some((constraint) => domainOf(constraint, node) === undefined)) {
          ignored.add(node.name);
          continue;
        }
        for (const [i, constraint] of constraints.entries()) {
          const domain = domainOf(constraint, node);
          if (domain !== undefined && constraint.topologyKey !== HOSTNAME) domains[i]?.set(domain, 0);
        }
      }
      const placed = constraints.map((constraint) => matchesByNode(handle.snapshot(), pod.namespace, constraint));
      countPods(pod, constraints, placed, domains);
      const soft = constraints.flatMap((constraint, i): Soft[] => {
        const [counts, matching] = [domains[i], placed[i]];
        if (counts === undefined || matching === undefined) return [];
        const size = constraint.topologyKey === HOSTNAME ? nodes.length - ignored.size : counts.size;
        return [{ constraint, counts, placed: matching, weight: Math.log(size + 2) }];
      });
      state.write(SCORE_KEY, new SoftState(soft, ignored));
      return undefined;
    },
    score(state, _pod, node) {
      const data = state.read<SoftState>(SCORE_KEY);
      if (data === undefined || data.ignored.has(node.name)) return 0;
      let score = 0;
      for (const { constraint, counts, placed, weight } of data.soft) {
        const domain = domainOf(constraint, node);
        if (domain === undefined) continue;
        const count = constraint.topologyKey === HOSTNAME ? placed.on(node) : (counts.get(domain) ?? 0);
        score += count * weight + constraint.maxSkew - 1;
      }
      return Math.round(score);
    },
    normalize(state, _pod, scores, nodes) {
      const ignored = state.read<SoftState>(SCORE_KEY)?.ignored ?? new Set();
      let min = Infinity;
      let max = -Infinity;
      for (const [i, score] of scores.entries()) {
        if (ignored.has(nodes[i]?.name ?? "")) continue;
        min = Math.min(min, score);
        max = Math.max(max, score);
      }
      for (const [i, score] of scores.entries()) {
        if (ignored.has(nodes[i]?.name ?? "")) scores[i] = 0;
        else scores[i] = max === 0 ? MAX_NODE_SCORE : Math.floor((MAX_NODE_SCORE * (max + min - score)) / max);
      }
    },
  };
}

/** Adds up the matching pods of each domain that is among those compared. */
function countPods(
  pod: PodInfo,
  constraints: readonly Constraint[],
  placed: readonly MatchCounts[],
  domains: readonly Map<string, number>[],
): void {
  const matches = pod.pod.spec === undefined ? undefined : compileRequiredNodeAffinity(pod.pod.spec);
  for (const [i, constraint] of constraints.entries()) {
    const counts = domains[i];
    // Each node counts its own.
    if (counts === undefined || constraint.topologyKey === HOSTNAME) continue;
    const matching = placed[i];
    if (matching === undefined) continue;
    if (matches === undefined && !constraint.honorTaints) {
      // Every node counts: the sums are there.
      const sums = matching.domains(constraint.topologyKey);
      for (const domain of counts.keys()) counts.set(domain, sums.get(domain) ?? 0);
      continue;
    }
    for (const [node, count] of matching.nodes) {
      const domain = domainOf(constraint, node);
      const known = domain === undefined ? undefined : counts.get(domain);
      if (domain === undefined || known === undefined) continue;
      if (nodeCounts(constraint, pod, node, matches)) counts.set(domain, known + count);
    }
  }
}
