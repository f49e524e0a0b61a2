import { ownValue } from "@knots/machinery";
import type { AffinityTerm, NamespaceLabels } from "../framework/affinity-term.ts";
import type { StateData } from "../framework/cycle-state.ts";
import type { Handle } from "../framework/handle.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import { MAX_NODE_SCORE } from "../framework/plugin.ts";
import type { FilterPlugin, PreFilterPlugin, PreScorePlugin, ScorePlugin } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { SKIP, unresolvable, unschedulable } from "../framework/status.ts";
import type { Snapshot } from "../cache/snapshot.ts";
import { NAMES } from "./names.ts";
import { TopologyCounts } from "./topology-counts.ts";

const NO_AFFINITY = unresolvable("node(s) didn't match pod affinity rules");
const ANTI_AFFINITY = unschedulable("node(s) didn't match pod anti-affinity rules");
const EXISTING_ANTI_AFFINITY = unschedulable("node(s) didn't satisfy existing pods anti-affinity rules");
const SCORE_KEY = `${NAMES.interPodAffinity}/score`;

/** InterPodAffinityArgs. */
export interface InterPodAffinityArgs {
  /** What a required affinity of a running pod towards the new one counts when nodes are compared: 0 to 100, 1 by default. */
  readonly hardPodAffinityWeight?: number;
  /** Running pods' wishes are looked at only where the new pod has some of its own. */
  readonly ignorePreferredTermsOfExistingPods?: boolean;
}

/** Counts per topology value. */
class Counted implements StateData {
  /** Of the new pod's required affinity terms: pods that match all of them. */
  affinity = new TopologyCounts();
  /** Of its required anti-affinity terms. */
  antiAffinity = new TopologyCounts();
  /** Of running pods' required anti-affinity terms that mean the new pod. */
  existingAntiAffinity = new TopologyCounts();

  clone(): Counted {
    const copy = new Counted();
    copy.affinity = this.affinity.clone();
    copy.antiAffinity = this.antiAffinity.clone();
    copy.existingAntiAffinity = this.existingAntiAffinity.clone();
    return copy;
  }

  /** What `other` on `node` means for `pod`; `by` -1 takes it back. */
  count(pod: PodInfo, other: PodInfo, node: NodeInfo, by: 1 | -1, labelsOf: NamespaceLabels): void {
    for (const term of other.requiredAntiAffinity) {
      if (term.matches(pod.pod, labelsOf)) this.existingAntiAffinity.add(term.topologyKey, node, by);
    }
    if (pod.requiredAffinity.length > 0 && matchesAll(pod.requiredAffinity, other, labelsOf)) {
      for (const term of pod.requiredAffinity) this.affinity.add(term.topologyKey, node, by);
    }
    for (const term of pod.requiredAntiAffinity) {
      if (term.matches(other.pod, labelsOf)) this.antiAffinity.add(term.topologyKey, node, by);
    }
  }
}

function matchesAll(terms: readonly AffinityTerm[], other: PodInfo, labelsOf: NamespaceLabels): boolean {
  return terms.every((term) => term.matches(other.pod, labelsOf));
}

/** Calls `fn` for each placed pod in a namespace that one of the terms means: never for all pods of the cluster. */
function forPodsMeant(
  snapshot: Snapshot,
  terms: readonly AffinityTerm[],
  labelsOf: NamespaceLabels,
  fn: (other: PodInfo, node: NodeInfo) => void,
): void {
  if (terms.length === 0) return;
  for (const namespace of snapshot.namespaces) {
    if (!terms.some((term) => term.matchesNamespace(namespace, labelsOf))) continue;
    for (const { info, node } of snapshot.podsIn(namespace)) if (node.node !== undefined) fn(info, node);
  }
}

class Scores implements StateData {
  readonly counts = new TopologyCounts();

  clone(): Scores {
    return this;
  }
}

/** Pod affinity and anti-affinity, both of the new pod and of those that run. */
export function interPodAffinity(
  handle: Handle,
  { hardPodAffinityWeight = 1, ignorePreferredTermsOfExistingPods = false }: InterPodAffinityArgs = {},
): PreFilterPlugin & FilterPlugin & PreScorePlugin & ScorePlugin {
  const labelsOf = handle.listers.namespaceLabels;
  const countOf = (state: { read<T extends StateData>(key: string): T | undefined }): Counted | undefined =>
    state.read<Counted>(NAMES.interPodAffinity);
  return {
    name: NAMES.interPodAffinity,
    events: [
      "AssignedPodAdd",
      "AssignedPodUpdate",
      "AssignedPodDelete",
      "NodeAdd",
      "NodeLabelChange",
      "NamespaceChange",
      "PodUpdate",
    ],
    preFilter(state, pod) {
      const snapshot = handle.snapshot();
      const counted = new Counted();
      for (const node of snapshot.nodesWithAntiAffinityPods) {
        if (node.node === undefined) continue;
        for (const other of node.podsWithRequiredAntiAffinity.values()) {
          for (const term of other.requiredAntiAffinity) {
            if (term.matches(pod.pod, labelsOf)) counted.existingAntiAffinity.add(term.topologyKey, node, 1);
          }
        }
      }
      const terms = [...pod.requiredAffinity, ...pod.requiredAntiAffinity];
      if (terms.length === 0 && counted.existingAntiAffinity.empty) return { status: SKIP };
      forPodsMeant(snapshot, terms, labelsOf, (other, node) => {
        if (pod.requiredAffinity.length > 0 && matchesAll(pod.requiredAffinity, other, labelsOf)) {
          for (const term of pod.requiredAffinity) counted.affinity.add(term.topologyKey, node, 1);
        }
        for (const term of pod.requiredAntiAffinity) {
          if (term.matches(other.pod, labelsOf)) counted.antiAffinity.add(term.topologyKey, node, 1);
        }
      });
      state.write(NAMES.interPodAffinity, counted);
      return undefined;
    },
    addPod(state, pod, added, node) {
      countOf(state)?.count(pod, added, node, 1, labelsOf);
    },
    removePod(state, pod, removed, node) {
      countOf(state)?.count(pod, removed, node, -1, labelsOf);
    },
    filter(state, pod, node) {
      const counted = countOf(state);
      if (counted === undefined) return undefined;
      if (!satisfiesAffinity(counted, pod, node, labelsOf)) return NO_AFFINITY;
      if (pod.requiredAntiAffinity.some(({ topologyKey }) => counted.antiAffinity.get(topologyKey, node) > 0)) {
        return ANTI_AFFINITY;
      }
      return counted.existingAntiAffinity.anyOn(node) ? EXISTING_ANTI_AFFINITY : undefined;
    },
    preScore(state, pod) {
      const snapshot = handle.snapshot();
      const scores = new Scores();
      const { counts } = scores;
      const own = [...pod.preferredAffinity, ...pod.preferredAntiAffinity];
      if (ignorePreferredTermsOfExistingPods && own.length === 0) return SKIP;
      forPodsMeant(snapshot, own, labelsOf, (other, node) => {
        for (const term of pod.preferredAffinity) {
          if (term.matches(other.pod, labelsOf)) counts.add(term.topologyKey, node, term.weight);
        }
        for (const term of pod.preferredAntiAffinity) {
          if (term.matches(other.pod, labelsOf)) counts.add(term.topologyKey, node, -term.weight);
        }
      });
      for (const node of snapshot.nodesWithAffinityPods) {
        if (node.node === undefined) continue;
        for (const other of node.podsWithAffinity.values()) {
          for (const term of other.requiredAffinity) {
            if (term.matches(pod.pod, labelsOf)) counts.add(term.topologyKey, node, hardPodAffinityWeight);
          }
          for (const term of other.preferredAffinity) {
            if (term.matches(pod.pod, labelsOf)) counts.add(term.topologyKey, node, term.weight);
          }
          for (const term of other.preferredAntiAffinity) {
            if (term.matches(pod.pod, labelsOf)) counts.add(term.topologyKey, node, -term.weight);
          }
        }
      }
      if (counts.empty) return SKIP;
      state.write(SCORE_KEY, scores);
      return undefined;
    },
    score: (state, _pod, node) => state.read<Scores>(SCORE_KEY)?.counts.sumOn(node) ?? 0,
    normalize(_state, _pod, scores) {
      const min = Math.min(...scores);
      const max = Math.max(...scores);
      for (const [i, score] of scores.entries()) {
        scores[i] = max > min ? Math.floor((MAX_NODE_SCORE * (score - min)) / (max - min)) : 0;
      }
    },
  };
}

function satisfiesAffinity(counted: Counted, pod: PodInfo, node: NodeInfo, labelsOf: NamespaceLabels): boolean {
  if (pod.requiredAffinity.length === 0) return true;
  const labels = node.node?.metadata?.labels ?? {};
  let satisfied = true;
  for (const { topologyKey } of pod.requiredAffinity) {
    if (ownValue(labels, topologyKey) === undefined) return false;
    if (counted.affinity.get(topologyKey, node) <= 0) satisfied = false;
  }
  // The first of a group that wants to be together: it matches its own terms, and nobody else does anywhere.
  return satisfied || (counted.affinity.empty && matchesAll(pod.requiredAffinity, pod, labelsOf));
}
