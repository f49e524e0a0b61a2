import type { Status } from "./status.ts";

/** Why no node took a pod. */
export interface Diagnosis {
  readonly nodeCount: number;
  /** What each node was rejected for. */
  readonly rejected: ReadonlyMap<string, Status>;
  /** Said before any node was looked at. */
  readonly preFilterMessage: string;
  readonly rejectedBy: ReadonlySet<string>;
}

/** "1 node(s) were unschedulable, 2 Insufficient cpu": each reason with its count, sorted as text. Pure. */
export function reasonHistogram(statuses: Iterable<Status>): string {
  const counts = new Map<string, number>();
  for (const { reasons } of statuses) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const lines = [...counts].map(([reason, count]) => `${count} ${reason}`);
  lines.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return lines.join(", ");
}

/** Upstream's sentence, e.g. "0/3 nodes are available: 3 Insufficient cpu. preemption: …". Pure. */
export function fitErrorMessage(diagnosis: Diagnosis, postFilterMessage = ""): string {
  let message = `0/${diagnosis.nodeCount} nodes are available:`;
  if (diagnosis.preFilterMessage !== "") message += ` ${diagnosis.preFilterMessage}.`;
  else {
    const reasons = reasonHistogram(diagnosis.rejected.values());
    if (reasons !== "") message += ` ${reasons}.`;
  }
  return postFilterMessage === "" ? message : `${message} ${postFilterMessage}`;
}
