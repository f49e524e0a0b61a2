import type { HttpExtender } from "../extender/http-extender.ts";
import type { Handle } from "../framework/handle.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { byImportance } from "./victims.ts";
import type { Candidate } from "./victims.ts";

/**
 * Has the extenders that know of preemption and are interested in the pod say which candidates are left, and with which
 * victims; each sees what the one before it said. Throws where one fails that may not be ignored.
 */
export async function askAboutPreemption(
  { extenders, snapshot, logger }: Pick<Handle, "extenders" | "snapshot" | "logger">,
  pod: PodInfo,
  candidates: readonly Candidate[],
): Promise<readonly Candidate[]> {
  let left = candidates;
  for (const extender of extenders) {
    if (!extender.preempts || !extender.isInterested(pod)) continue;
    if (left.length === 0) break;
    try {
      left = await ask(extender, pod, left, (name) => snapshot().node(name)?.pods);
    } catch (error) {
      if (!extender.config.ignorable) throw error;
      logger.warn({ extender: extender.name, pod: pod.key, err: error }, "an extender failed and is passed over");
    }
  }
  return left;
}

async function ask(
  extender: HttpExtender,
  pod: PodInfo,
  candidates: readonly Candidate[],
  podsOn: (node: string) => ReadonlyMap<string, PodInfo> | undefined,
): Promise<Candidate[]> {
  const result: Candidate[] = [];
  for (const [nodeName, { uids, budgetViolations }] of await extender.preempt(pod, candidates)) {
    const pods = podsOn(nodeName);
    if (pods === undefined) throw new Error(`nodeinfo not found for node name ${JSON.stringify(nodeName)}`);
    const victims = uids.map((uid) => {
      const victim = pods.get(uid);
      if (victim !== undefined) return victim;
      throw new Error(
        `extender: ${extender.name} claims to preempt pod (UID: ${uid}) on node: ${nodeName}, but the pod is not found on that node`,
      );
    });
    if (victims.length > 0) result.push({ nodeName, victims: victims.toSorted(byImportance), budgetViolations });
    // One that may be ignored has merely nothing to say about that node.
    else if (!extender.config.ignorable)
      throw new Error(`expected at least one victim pod on node ${JSON.stringify(nodeName)}`);
  }
  return result;
}
