// Asks the extenders that are interested in a pod, one after the other.
import type { Logger } from "@knots/machinery";
import type { NodeInfo } from "../framework/node-info.ts";
import { MAX_NODE_SCORE } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { errorStatus } from "../framework/status.ts";
import type { Status } from "../framework/status.ts";
import { MAX_EXTENDER_PRIORITY } from "./http-extender.ts";
import type { HttpExtender } from "./http-extender.ts";

/** The nodes that all of them let the pod onto; what they reject is noted in `rejected`. A status: one failed that must not. */
export async function filterByExtenders(
  extenders: readonly HttpExtender[],
  pod: PodInfo,
  feasible: readonly NodeInfo[],
  rejected: Map<string, Status>,
  logger: Logger,
): Promise<{ nodes: readonly NodeInfo[]; status?: Status }> {
  let nodes = feasible;
  for (const extender of extenders) {
    if (nodes.length === 0) break;
    try {
      const answer = await extender.filter(pod, nodes);
      for (const [name, status] of answer.rejected) rejected.set(name, status);
      nodes = answer.nodes;
    } catch (error) {
      if (!extender.config.ignorable) return { nodes: [], status: errorStatus(error) };
      logger.warn({ extender: extender.name, pod: pod.key, err: error }, "an extender failed and is passed over");
    }
  }
  return { nodes };
}

/** Their scores by node, on the plug-ins' scale. One that fails gives none: scores are wishes. */
export async function scoreByExtenders(
  extenders: readonly HttpExtender[],
  pod: PodInfo,
  nodes: readonly NodeInfo[],
  logger: Logger,
): Promise<Map<string, number>> {
  const totals = new Map<string, number>();
  if (nodes.length <= 1) return totals;
  const scale = MAX_NODE_SCORE / MAX_EXTENDER_PRIORITY;
  await Promise.all(
    extenders.map(async (extender) => {
      try {
        for (const [name, score] of await extender.prioritize(pod, nodes))
          totals.set(name, (totals.get(name) ?? 0) + score * scale);
      } catch (error) {
        logger.warn({ extender: extender.name, pod: pod.key, err: error }, "an extender gave no scores");
      }
    }),
  );
  return totals;
}
