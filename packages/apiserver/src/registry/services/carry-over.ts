import type { Service } from "@knots/api/core/v1";

/** What was allocated stays, where an update leaves it out (upstream: patchAllocatedValues). */
export function carryOver(next: Service, old: Service): void {
  const { spec } = next;
  const before = old.spec;
  if (spec === undefined || before === undefined) return;
  if (spec.type !== "ExternalName" && before.type !== "ExternalName") {
    if (spec.clusterIP === undefined || spec.clusterIP === "") {
      if ((spec.clusterIPs ?? []).length === 0 && before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
    }
    if (
      (spec.clusterIPs ?? []).length === 0 &&
      before.clusterIPs !== undefined &&
      spec.clusterIP === before.clusterIP
    ) {
      spec.clusterIPs = [...before.clusterIPs];
    }
    spec.ipFamilies ??= before.ipFamilies === undefined ? [] : [...before.ipFamilies];
    if (spec.ipFamilies.length === 0) delete spec.ipFamilies;
    if (spec.ipFamilyPolicy === undefined && before.ipFamilyPolicy !== undefined)
      spec.ipFamilyPolicy = before.ipFamilyPolicy;
  }
  if (spec.type === "ExternalName") {
    // Addresses go when they are not asked for again by name.
    if (spec.clusterIP === before.clusterIP) delete spec.clusterIP;
    if (spec.clusterIPs?.[0] === before.clusterIPs?.[0]) delete spec.clusterIPs;
    delete spec.ipFamilies;
    delete spec.ipFamilyPolicy;
    return;
  }
  const hasNodePorts = (type: string | undefined): boolean => type === "NodePort" || type === "LoadBalancer";
  if (!hasNodePorts(spec.type)) {
    // Going back to ClusterIP gives the node ports back, unless the client insists.
    if (hasNodePorts(before.type)) {
      const held = new Set((before.ports ?? []).map((port) => port.nodePort));
      for (const port of spec.ports ?? []) if (held.has(port.nodePort)) delete port.nodePort;
    }
    return;
  }
  for (const port of spec.ports ?? []) {
    if (port.nodePort !== undefined && port.nodePort !== 0) continue;
    const same = (before.ports ?? []).find(
      (other) => other.port === port.port && (other.protocol ?? "TCP") === (port.protocol ?? "TCP"),
    );
    if (same?.nodePort !== undefined && same.nodePort !== 0) port.nodePort = same.nodePort;
  }
}
