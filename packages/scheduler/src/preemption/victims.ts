import type { PodDisruptionBudget } from "@knots/api/policy/v1";
import { selectorFromLabelSelector } from "@knots/machinery";
import type { CycleState } from "../framework/cycle-state.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { Profile } from "../framework/profile.ts";

/** The pods that would have to go from a node, most important first, and how many budgets that would break. */
export interface Candidate {
  readonly nodeName: string;
  readonly victims: readonly PodInfo[];
  readonly budgetViolations: number;
}

/** When the pod started, ms; one that has not is the youngest of all. */
export function startTime({ pod }: PodInfo): number {
  const text = pod.status?.startTime;
  return text === undefined ? Infinity : Date.parse(text);
}

/** More important first: higher priority, then longer at work. */
export function byImportance(a: PodInfo, b: PodInfo): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  const [x, y] = [startTime(a), startTime(b)];
  return x === y ? 0 : x - y;
}

/** Splits pods, in their order, by whether evicting them would break a budget once those before them are gone. Pure. */
export function splitByBudgets(
  pods: readonly PodInfo[],
  budgetsOf: (namespace: string) => readonly PodDisruptionBudget[],
): { violating: PodInfo[]; harmless: PodInfo[] } {
  const left = new Map<PodDisruptionBudget, number>();
  const violating: PodInfo[] = [];
  const harmless: PodInfo[] = [];
  for (const info of pods) {
    const labels = info.pod.metadata?.labels ?? {};
    let violates = false;
    for (const budget of budgetsOf(info.namespace)) {
      const selector = selectorFromLabelSelector(budget.spec?.selector);
      if (Object.keys(labels).length === 0 || selector.empty || !selector.matches(labels)) continue;
      // Being evicted already: its place in the budget is taken into account.
      if (budget.status?.disruptedPods?.[info.name] !== undefined) continue;
      const allowed = (left.get(budget) ?? budget.status?.disruptionsAllowed ?? 0) - 1;
      left.set(budget, allowed);
      if (allowed < 0) violates = true;
    }
    (violates ? violating : harmless).push(info);
  }
  return { violating, harmless };
}

/**
 * The fewest and least important pods whose going would let the pod onto that node: all of lower priority are taken away,
 * and as many as fit are let back, those whose budget is at stake first. Undefined: it would not fit even then. Works on
 * copies.
 */
export function selectVictims(
  profile: Profile,
  state: CycleState,
  pod: PodInfo,
  node: NodeInfo,
): Candidate | undefined {
  const tryNode = node.clone();
  const tryState = state.clone();
  const remove = (info: PodInfo): void => {
    tryNode.removePod(info.uid);
    profile.removePod(tryState, pod, info, tryNode);
  };
  const add = (info: PodInfo): void => {
    tryNode.addPod(info);
    profile.addPod(tryState, pod, info, tryNode);
  };
  const fits = (): boolean => profile.filterWithNominated(tryState, pod, tryNode) === undefined;
  const lower = [...node.pods.values()].filter(({ priority }) => priority < pod.priority);
  if (lower.length === 0) return undefined;
  for (const info of lower) remove(info);
  if (!fits()) return undefined;
  const ordered = lower.toSorted(byImportance);
  const { violating, harmless } = splitByBudgets(ordered, (namespace) => profile.handle.listers.budgets(namespace));
  const victims: PodInfo[] = [];
  let budgetViolations = 0;
  const reprieve = (info: PodInfo): boolean => {
    add(info);
    if (fits()) return true;
    remove(info);
    victims.push(info);
    return false;
  };
  for (const info of violating) if (!reprieve(info)) budgetViolations++;
  for (const info of harmless) reprieve(info);
  return { nodeName: node.name, victims: victims.toSorted(byImportance), budgetViolations };
}

/**
 * The candidate that hurts least: fewest broken budgets, then the lowest most important victim, the smallest sum of
 * priorities, the fewest victims, the most important victim that started last; of equals the first. Pure.
 */
export function pickCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  const criteria: ((candidate: Candidate) => number)[] = [
    ({ budgetViolations }) => budgetViolations,
    ({ victims }) => victims[0]?.priority ?? -Infinity,
    // Shifted so that two victims of negative priority do not look better than one.
    ({ victims }) => victims.reduce((sum, { priority }) => sum + priority + 2 ** 31, 0),
    ({ victims }) => victims.length,
    ({ victims }) => {
      const highest = victims[0]?.priority;
      return -Math.min(...victims.filter(({ priority }) => priority === highest).map(startTime));
    },
  ];
  let rest = [...candidates];
  for (const criterion of criteria) {
    if (rest.length <= 1) break;
    const values = rest.map(criterion);
    const least = Math.min(...values);
    rest = rest.filter((_, i) => values[i] === least);
  }
  return rest[0];
}
