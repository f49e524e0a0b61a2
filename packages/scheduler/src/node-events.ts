import type { Node } from "@knots/api/core/v1";
import type { ClusterEvent } from "./framework/events.ts";

/** What changed of a node that may let a pod onto it; most updates (heartbeats) are none of it. Pure. */
export function nodeEvents(old: Node, node: Node): ClusterEvent[] {
  const events: ClusterEvent[] = [];
  const differs = (pick: (node: Node) => unknown): boolean => JSON.stringify(pick(old)) !== JSON.stringify(pick(node));
  if (differs(({ status }) => status?.allocatable)) events.push("NodeAllocatableChange");
  if (differs(({ metadata }) => metadata?.labels)) events.push("NodeLabelChange");
  if (differs(({ spec }) => [spec?.taints, spec?.unschedulable ?? false])) events.push("NodeTaintChange");
  const conditions = ({ status }: Node): unknown => status?.conditions?.map((c) => [c.type, c.status]);
  if (differs(conditions)) events.push("NodeConditionChange");
  return events;
}
