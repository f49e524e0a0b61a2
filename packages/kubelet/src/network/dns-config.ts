/** resolv.conf of a pod by its dnsPolicy. */
import type { Pod } from "@knots/api/core/v1";

export interface DnsConfig {
  servers: string[];
  searches: string[];
  options: string[];
}

export interface DnsConfigInput {
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** The node's resolver configuration, which pods with dnsPolicy Default get. */
  readonly host: DnsConfig;
  /** A limit was exceeded, or the cluster has no DNS. */
  onWarning(reason: "DNSConfigForming" | "MissingClusterDNS", message: string): void;
}

const MAX_NAMESERVERS = 3;
const MAX_SEARCH_PATHS = 32;
const MAX_SEARCH_CHARS = 2048;

export function podDnsConfig(pod: Pod, input: DnsConfigInput): DnsConfig {
  const spec = pod.spec;
  let policy = spec?.dnsPolicy ?? "ClusterFirst";
  if (policy === "ClusterFirst" && spec?.hostNetwork === true) policy = "Default";
  if (policy === "ClusterFirstWithHostNet") policy = "ClusterFirst";
  if (policy === "ClusterFirst" && input.clusterDNS.length === 0) {
    input.onWarning(
      "MissingClusterDNS",
      `pod: "${pod.metadata?.name ?? ""}_${pod.metadata?.namespace ?? ""}(${pod.metadata?.uid ?? ""})". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.`,
    );
    policy = "Default";
  }
  let config: DnsConfig = { servers: [], searches: [], options: [] };
  if (policy === "Default") config = structuredClone({ ...input.host });
  if (policy === "ClusterFirst") {
    const namespace = pod.metadata?.namespace ?? "";
    const domain = input.clusterDomain;
    const cluster = domain === "" ? [] : [`${namespace}.svc.${domain}`, `svc.${domain}`, domain];
    config = { servers: [...input.clusterDNS], searches: [...cluster, ...input.host.searches], options: ["ndots:5"] };
  }
  const own = spec?.dnsConfig;
  if (own !== undefined) {
    const options = new Map(config.options.map((option) => [option.split(":")[0] ?? option, option]));
    for (const option of own.options ?? []) {
      if (option.name === undefined) continue;
      options.set(option.name, option.value === undefined ? option.name : `${option.name}:${option.value}`);
    }
    config = {
      servers: [...config.servers, ...(own.nameservers ?? [])],
      searches: [...config.searches, ...(own.searches ?? [])],
      options: [...options.values()],
    };
  }
  return fit({ servers: unique(config.servers), searches: unique(config.searches), options: config.options }, input);
}

/** What the C library would ignore is left out, and said. */
function fit(config: DnsConfig, input: DnsConfigInput): DnsConfig {
  const servers = config.servers.slice(0, MAX_NAMESERVERS);
  if (servers.length < config.servers.length) {
    input.onWarning(
      "DNSConfigForming",
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${servers.join(" ")}`,
    );
  }
  const searches = config.searches.slice(0, MAX_SEARCH_PATHS);
  while (searches.join(" ").length > MAX_SEARCH_CHARS) searches.pop();
  if (searches.length < config.searches.length) {
    input.onWarning(
      "DNSConfigForming",
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(" ")}`,
    );
  }
  return { ...config, servers, searches };
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}

/** nameserver lines add up; the last search and the last options line win. */
export function parseResolvConf(text: string): DnsConfig {
  const config: DnsConfig = { servers: [], searches: [], options: [] };
  for (const line of text.split("\n")) {
    const [keyword, ...fields] = line.trim().split(/\s+/);
    if (keyword === "nameserver" && fields[0] !== undefined) config.servers.push(fields[0]);
    // With and without the final dot is the same domain; the root itself is ".".
    if (keyword === "search")
      config.searches = fields.map((field) => (field === "." ? field : field.replace(/\.$/, "")));
    if (keyword === "options") config.options = fields;
  }
  return config;
}
