/** Whether this node takes a pod that was bound to it. Pure. */
import type { Node, Pod } from "@knots/api/core/v1";
import {
  findMatchingUntoleratedTaint,
  isDeviceResourceName,
  nodeMatchesNodeSelectorTerms,
  podRequests,
  selectorFromSet,
} from "@knots/machinery";
import { milliCPU, wholeValue } from "../cm/resources.ts";

/** `reason` and `message` for the pod's status and its event. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/** Sysctls that stay within the pod and do no harm to others. */
const SAFE_SYSCTLS = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_wmem",
]);

export interface AdmissionInput {
  readonly pod: Pod;
  /** Active pods that this node has taken already, without `pod`. */
  readonly others: readonly Pod[];
  readonly node: Node;
  /** Patterns of further sysctls, as "kernel.msg*". */
  readonly allowedUnsafeSysctls: readonly string[];
}

/** undefined: admitted. */
export function admit(input: AdmissionInput): Rejection | undefined {
  return (
    sysctls(input) ??
    operatingSystem(input) ??
    resources(input) ??
    placement(input) ??
    hostPorts(input) ??
    taints(input)
  );
}

function sysctls({ pod, allowedUnsafeSysctls }: AdmissionInput): Rejection | undefined {
  for (const { name: given } of pod.spec?.securityContext?.sysctls ?? []) {
    const name = given.replaceAll("/", ".");
    const allowed =
      SAFE_SYSCTLS.has(name) ||
      allowedUnsafeSysctls.some((pattern) =>
        pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name,
      );
    if (!allowed) return { reason: "SysctlForbidden", message: `forbidden sysctl: "${given}" not allowlisted` };
    if (pod.spec?.hostNetwork === true && name.startsWith("net.")) {
      return { reason: "SysctlForbidden", message: `forbidden sysctl: "${given}" not allowed with host net enabled` };
    }
    if (pod.spec?.hostIPC === true && name.startsWith("kernel.shm")) {
      return { reason: "SysctlForbidden", message: `forbidden sysctl: "${given}" not allowed with host ipc enabled` };
    }
  }
  return undefined;
}

function operatingSystem({ pod }: AdmissionInput): Rejection | undefined {
  const name = pod.spec?.os?.name;
  if (name === undefined || name === "" || name === "linux") return undefined;
  return { reason: "PodOSNotSupported", message: "Failed to admit pod as the OS field doesn't match node OS" };
}

function resources({ pod, others, node }: AdmissionInput): Rejection | undefined {
  const allocatable = node.status?.allocatable ?? {};
  const podsAllowed = wholeValue(allocatable["pods"]);
  if (others.length + 1 > podsAllowed) return outOf("pods", 1, others.length, podsAllowed);
  const requests: Readonly<Record<string, { toString(): string }>> = podRequests(pod.spec ?? { containers: [] });
  for (const [name, quantity] of Object.entries(requests)) {
    const value = (of: { toString(): string } | undefined): number =>
      name === "cpu" ? milliCPU(of?.toString()) : wholeValue(of?.toString());
    const requested = value(quantity);
    if (requested === 0) continue;
    const used = others.reduce((sum, other) => {
      const all: Readonly<Record<string, { toString(): string }>> = podRequests(other.spec ?? { containers: [] });
      return sum + value(all[name]);
    }, 0);
    const capacity = value(allocatable[name]);
    // Not of this node: counted for the cluster as a whole by somebody else, or devices of a claim.
    if (capacity === 0 && isDeviceResourceName(name)) continue;
    if (requested + used > capacity) return outOf(name, requested, used, capacity);
  }
  return undefined;
}

function outOf(name: string, requested: number, used: number, capacity: number): Rejection {
  return {
    reason: `OutOf${name}`,
    message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
}

function placement({ pod, node }: AdmissionInput): Rejection | undefined {
  const mismatch = {
    reason: "NodeAffinity",
    message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  };
  const selector = pod.spec?.nodeSelector;
  if (selector !== undefined && !selectorFromSet(selector).matches(node.metadata?.labels ?? {})) return mismatch;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required !== undefined && !nodeMatchesNodeSelectorTerms(node, required.nodeSelectorTerms)) return mismatch;
  const wanted = pod.spec?.nodeName;
  if (wanted !== undefined && wanted !== "" && wanted !== node.metadata?.name) {
    return { reason: "NodeName", message: "Predicate NodeName failed: node(s) didn't match the requested node name" };
  }
  return undefined;
}

function hostPorts({ pod, others }: AdmissionInput): Rejection | undefined {
  const taken = others.flatMap(portsOf);
  const clash = portsOf(pod).some((port) =>
    taken.some(
      (other) =>
        other.port === port.port &&
        other.protocol === port.protocol &&
        (other.ip === port.ip || other.ip === ANY || port.ip === ANY),
    ),
  );
  return clash
    ? {
        reason: "NodePorts",
        message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
      }
    : undefined;
}

const ANY = "0.0.0.0";

function portsOf(pod: Pod): { port: number; protocol: string; ip: string }[] {
  return (pod.spec?.containers ?? []).flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => port.hostPort !== undefined && port.hostPort > 0)
      .map((port) => ({
        port: port.hostPort ?? 0,
        protocol: port.protocol ?? "TCP",
        ip: port.hostIP === undefined || port.hostIP === "" ? ANY : port.hostIP,
      })),
  );
}

function taints({ pod, node }: AdmissionInput): Rejection | undefined {
  // Only taints that would evict the pod at once keep it out; static pods tolerate everything.
  const fatal = (node.spec?.taints ?? []).filter((taint) => taint.effect === "NoExecute");
  const taint = findMatchingUntoleratedTaint(fatal, pod.spec?.tolerations ?? []);
  if (taint === undefined) return undefined;
  return {
    reason: "TaintToleration",
    message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
  };
}
