import type { Node, NodeAffinity, PreferredSchedulingTerm } from "@knots/api/core/v1";
import type { StateData } from "../framework/cycle-state.ts";
import type { NodeMatcher } from "../framework/node-selector.ts";
import {
  compileNodeSelector,
  compileRequiredNodeAffinity,
  compileTerm,
  namedNodes,
} from "../framework/node-selector.ts";
import type { FilterPlugin, PreFilterPlugin, PreScorePlugin, ScorePlugin } from "../framework/plugin.ts";
import { SKIP, unresolvable } from "../framework/status.ts";
import { NAMES } from "./names.ts";
import { scaleToMax } from "./normalize.ts";

const REJECTED = unresolvable("node(s) didn't match Pod's node affinity/selector");
const REJECTED_BY_ADDED = unresolvable("node(s) didn't match scheduler-enforced node affinity");
const CONFLICT = unresolvable("pod affinity terms conflict");
const SCORE_KEY = `${NAMES.nodeAffinity}/preferred`;

interface Required extends StateData {
  readonly matches: NodeMatcher;
}

interface Preferred extends StateData {
  readonly terms: readonly { readonly matches: NodeMatcher; readonly weight: number }[];
}

/** NodeAffinityArgs. */
export interface NodeAffinityArgs {
  /** Applies to every pod of the profile, beside the pod's own. */
  readonly addedAffinity?: NodeAffinity;
}

/** spec.nodeSelector and node affinity. */
export function nodeAffinity({ addedAffinity }: NodeAffinityArgs = {}): PreFilterPlugin &
  FilterPlugin &
  PreScorePlugin &
  ScorePlugin {
  const required = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const added = required === undefined ? undefined : compileNodeSelector(required);
  const addedTerms = (addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(compilePreferred);
  return {
    name: NAMES.nodeAffinity,
    events: ["NodeAdd", "NodeLabelChange", "PodUpdate"],
    hint(pod, event, _old, current) {
      if (event === "PodUpdate" || current === undefined) return true;
      const matches = pod.pod.spec === undefined ? undefined : compileRequiredNodeAffinity(pod.pod.spec);
      const node = current as Node;
      return (matches === undefined || matches(node)) && (added === undefined || added(node));
    },
    preFilter(state, { pod }) {
      const matches = pod.spec === undefined ? undefined : compileRequiredNodeAffinity(pod.spec);
      if (pod.spec === undefined || (matches === undefined && added === undefined)) return { status: SKIP };
      const data: Required = { matches: matches ?? (() => true), clone: () => data };
      state.write(NAMES.nodeAffinity, data);
      const nodeNames = namedNodes(pod.spec);
      if (nodeNames === undefined) return undefined;
      return nodeNames.size === 0 ? { status: CONFLICT } : { nodeNames };
    },
    filter(state, _pod, { node }) {
      if (node !== undefined && added !== undefined && !added(node)) return REJECTED_BY_ADDED;
      const data = state.read<Required>(NAMES.nodeAffinity);
      return data === undefined || (node !== undefined && data.matches(node)) ? undefined : REJECTED;
    },
    preScore(state, { pod }) {
      const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      if (preferred.length === 0 && addedTerms.length === 0) return SKIP;
      const data: Preferred = { terms: [...addedTerms, ...preferred.map(compilePreferred)], clone: () => data };
      state.write(SCORE_KEY, data);
      return undefined;
    },
    score(state, _pod, { node }) {
      let sum = 0;
      for (const { matches, weight } of state.read<Preferred>(SCORE_KEY)?.terms ?? []) {
        if (node !== undefined && matches(node)) sum += weight;
      }
      return sum;
    },
    normalize: (_state, _pod, scores) => scaleToMax(scores, false),
  };
}

function compilePreferred({ preference, weight }: PreferredSchedulingTerm): Preferred["terms"][number] {
  return { matches: compileTerm(preference), weight };
}
