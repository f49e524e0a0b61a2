/** PodSandboxConfig of a pod. */
import type { Pod } from "@knots/api/core/v1";
import { PodSandboxConfig, Protocol } from "../generated/cri.ts";
import type { DnsConfig } from "../network/dns-config.ts";
import { ANNOTATION_CONFIG_SOURCE, sandboxLabels } from "./labels.ts";
import { sandboxSecurityContext } from "./security-context.ts";

export interface SandboxContext {
  readonly attempt: number;
  /** What hostname(1) shall print. */
  readonly hostname: string;
  readonly dns: DnsConfig;
  readonly logDirectory: string;
  /** Path of the pod's cgroup below the hierarchies' roots; "" lets the runtime choose. */
  readonly cgroupParent: string;
  readonly seccompRoot: string;
}

/** The log directory of a pod: "<logs>/<namespace>_<name>_<uid>". */
export function podLogDirectory(logsDir: string, pod: Pod): string {
  const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
  return `${logsDir}/${namespace}_${name}_${uid}`;
}

export function sandboxConfig(pod: Pod, context: SandboxContext): PodSandboxConfig {
  const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
  const hostNetwork = pod.spec?.hostNetwork === true;
  return PodSandboxConfig.create({
    metadata: { name, namespace, uid, attempt: context.attempt },
    // With the node's network the runtime takes the node's hostname.
    ...(hostNetwork ? {} : { hostname: context.hostname }),
    logDirectory: context.logDirectory,
    dnsConfig: context.dns,
    portMappings: portMappings(pod),
    labels: sandboxLabels(pod),
    annotations: { [ANNOTATION_CONFIG_SOURCE]: "api", ...pod.metadata?.annotations },
    linux: {
      cgroupParent: context.cgroupParent,
      securityContext: sandboxSecurityContext(pod, context.seccompRoot),
      sysctls: Object.fromEntries(
        (pod.spec?.securityContext?.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value]),
      ),
    },
  });
}

const PROTOCOLS: Record<string, Protocol> = { TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP };

function portMappings(pod: Pod): { containerPort: number; hostPort: number; protocol: Protocol; hostIp: string }[] {
  if (pod.spec?.hostNetwork === true) return [];
  const containers = [
    ...(pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === "Always"),
    ...(pod.spec?.containers ?? []),
  ];
  return containers.flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => port.hostPort !== undefined && port.hostPort !== 0)
      .map((port) => ({
        containerPort: port.containerPort,
        hostPort: port.hostPort ?? 0,
        protocol: PROTOCOLS[port.protocol ?? "TCP"] ?? Protocol.TCP,
        hostIp: port.hostIP ?? "",
      })),
  );
}
