import type { Node, NodeCondition } from "@knots/api/core/v1";
import { timeOf } from "../framework/objects.ts";

/** What the controller remembers of a node between two looks. Times are its own clock's, ms: nodes' clocks may differ. */
export interface NodeHealth {
  /** When the last sign of life was seen. */
  readonly probeTime: number;
  /** The heartbeat of the Ready condition and the renewal of the Lease, as seen then. */
  readonly heartbeat: string;
  readonly renewTime: string;
}

export interface HealthInput {
  readonly node: Node;
  /** spec.renewTime of the node's Lease. */
  readonly renewTime: string | undefined;
  readonly previous: NodeHealth | undefined;
  readonly now: number;
  /** Ms without a sign of life after which the node is unreachable. */
  readonly gracePeriod: number;
  /** The same for a node that has never posted its status. */
  readonly startupGracePeriod: number;
}

export interface HealthResult {
  readonly health: NodeHealth;
  /** Status of Ready before and after; "" before: no Ready condition yet. */
  readonly observedReady: string;
  readonly currentReady: string;
  /** The conditions to write; undefined when they are right already. */
  readonly conditions: NodeCondition[] | undefined;
}

/** Conditions that a kubelet posts, and that nobody knows of once it is silent. */
const KUBELET_CONDITIONS = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] as const;

export function nodeCondition(node: Node, type: string): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type);
}

/**
 * Judges a node by its signs of life: a heartbeat or a Lease renewal that differs from the last one seen counts from when it
 * was seen. After the grace period each condition of the kubelet becomes Unknown. Pure.
 */
export function judgeNode(input: HealthInput): HealthResult {
  const { node, previous, now } = input;
  const ready = nodeCondition(node, "Ready");
  const heartbeat = ready?.lastHeartbeatTime ?? "";
  const renewTime = input.renewTime ?? "";
  const created = timeOf(node.metadata?.creationTimestamp) ?? now;
  const gracePeriod = ready === undefined ? input.startupGracePeriod : input.gracePeriod;
  let probeTime: number;
  if (previous === undefined) probeTime = ready === undefined ? created : now;
  else if (previous.heartbeat !== heartbeat || previous.renewTime !== renewTime) probeTime = now;
  else probeTime = previous.probeTime;
  const health: NodeHealth = { probeTime, heartbeat, renewTime };
  const observedReady = ready?.status ?? "";
  if (now <= probeTime + gracePeriod)
    return { health, observedReady, currentReady: observedReady, conditions: undefined };
  const conditions = unknownConditions(node, created, now);
  return { health, observedReady, currentReady: "Unknown", conditions };
}

function unknownConditions(node: Node, created: number, now: number): NodeCondition[] | undefined {
  const time = new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
  const result = [...(node.status?.conditions ?? [])];
  let changed = false;
  for (const type of KUBELET_CONDITIONS) {
    const index = result.findIndex((condition) => condition.type === type);
    const current = result[index];
    if (current === undefined) {
      changed = true;
      result.push({
        type,
        status: "Unknown",
        reason: "NodeStatusNeverUpdated",
        message: "Kubelet never posted node status.",
        lastHeartbeatTime: new Date(created).toISOString().replace(/\.\d+Z$/, "Z"),
        lastTransitionTime: time,
      });
    } else if (current.status !== "Unknown") {
      changed = true;
      result[index] = {
        ...current,
        status: "Unknown",
        reason: "NodeStatusUnknown",
        message: "Kubelet stopped posting node status.",
        lastTransitionTime: time,
      };
    }
  }
  return changed ? result : undefined;
}
