/** /etc/hosts of a pod, which the kubelet manages. */
import type { HostAlias } from "@knots/api/core/v1";

export interface HostsFileInput {
  readonly podIPs: readonly string[];
  readonly hostname: string;
  /** Domain of the pod's subdomain; "" without one. */
  readonly domain: string;
  readonly aliases: readonly HostAlias[];
}

/** For a pod with its own network. */
export function managedHostsFile(input: HostsFileInput): string {
  const lines = [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
    ...input.podIPs.map((ip) =>
      input.domain === "" ? `${ip}\t${input.hostname}` : `${ip}\t${input.hostname}.${input.domain}\t${input.hostname}`,
    ),
  ];
  return `${lines.join("\n")}\n${aliasLines(input.aliases)}`;
}

/** For a pod with the node's network: the node's own file, and the aliases. */
export function hostNetworkHostsFile(nodeHosts: string, aliases: readonly HostAlias[]): string {
  return `# Kubernetes-managed hosts file (host network).\n${nodeHosts}${aliasLines(aliases)}`;
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return "";
  const lines = aliases.map((alias) => `${alias.ip}\t${(alias.hostnames ?? []).join("\t")}`);
  return `\n# Entries added by HostAliases.\n${lines.join("\n")}\n`;
}
