// The table that serves the ports: base chains once, and chains, sets and map elements for each port.
import { createHash } from "node:crypto";
import type { ProxyEndpoint } from "./endpoints.ts";
import { affinitySet } from "./script.ts";
import type { ServicePortModel } from "./service-ports.ts";
import { contains } from "./ipv4.ts";

export interface Ruleset {
  /** Chain name to its head (`type nat hook …`, empty for a plain chain) and rules. */
  readonly chains: ReadonlyMap<string, { readonly head: string; readonly rules: readonly string[] }>;
  /** Set name to its declaration; their elements are the kernel's own (affinity). */
  readonly sets: ReadonlyMap<string, string>;
  /** Map (or constant set) name to its declaration and elements; a set's values are empty. */
  readonly maps: ReadonlyMap<string, { readonly head: string; readonly elements: ReadonlyMap<string, string> }>;
}

export interface RulesetOptions {
  /** This node's own address. */
  readonly nodeIP: string;
  /** Addresses on which node ports answer; undefined: every local one but 127.0.0.0/8. */
  readonly nodePortIPs: readonly string[] | undefined;
  /** The pods' network; undefined: who is a pod cannot be told. */
  readonly clusterCIDR: string | undefined;
  /** Networks of cluster IPs: what nobody holds there goes nowhere. */
  readonly serviceCIDRs: readonly string[];
  readonly masqueradeAll: boolean;
}

const MARK = "0x4000";
const IP_KEY = "type ipv4_addr . inet_proto . inet_service : verdict";
const PORT_KEY = "type inet_proto . inet_service : verdict";
const DISPATCH_IP = "ip daddr . meta l4proto . th dport vmap";
const DISPATCH_PORT = "meta l4proto . th dport vmap";
const TO_NODE = "ip daddr @nodeport-ips";
/** nftables cannot serve 127.0.0.1: an answer from another host would be no good there. */
const TO_LOCAL = "fib daddr type local ip daddr != 127.0.0.0/8";

const BASE_CHAINS: readonly (readonly [name: string, head: string, rules: readonly string[]])[] = [
  ["nat-prerouting", "type nat hook prerouting priority -100;", ["jump services"]],
  ["nat-output", "type nat hook output priority -100;", ["jump services"]],
  ["nat-postrouting", "type nat hook postrouting priority 100;", ["jump masquerading"]],
  // Before destination NAT, so that the load balancer's own address is still to be seen.
  ["filter-prerouting-pre-dnat", "type filter hook prerouting priority -110;", ["ct state new jump firewall-check"]],
  ["filter-output-pre-dnat", "type filter hook output priority -110;", ["ct state new jump firewall-check"]],
  [
    "filter-input",
    "type filter hook input priority 0;",
    ["ct state new jump nodeport-endpoints-check", "ct state new jump service-endpoints-check"],
  ],
  [
    "filter-forward",
    "type filter hook forward priority 0;",
    ["ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check"],
  ],
  [
    "filter-output",
    "type filter hook output priority 0;",
    ["ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check"],
  ],
  ["service-endpoints-check", "", [`${DISPATCH_IP} @no-endpoint-services`]],
  ["firewall-check", "", [`${DISPATCH_IP} @firewall-ips`]],
  ["reject-chain", "", ["reject"]],
  ["mark-for-masquerade", "", [`meta mark set meta mark or ${MARK}`]],
  // The mark is taken off again: the packet may pass here once more (IPsec, VXLAN).
  [
    "masquerading",
    "",
    [`meta mark and ${MARK} == 0 return`, `meta mark set meta mark xor ${MARK}`, "masquerade fully-random"],
  ],
];

/** Eight letters of a hash and the readable name: unique, at most 128 characters. Pure. */
function named(kind: string, id: string): string {
  const hash = createHash("sha256").update(id).digest("hex").slice(0, 8).toUpperCase();
  return `${kind}-${hash}-${id}`.replaceAll(/[^A-Za-z0-9/._-]/g, "_").slice(0, 120);
}

/** The whole wanted ruleset. Pure. */
export function ruleset(ports: readonly ServicePortModel[], options: RulesetOptions): Ruleset {
  const builder = new Builder(options);
  for (const port of ports) builder.add(port);
  return builder.result;
}

class Builder {
  readonly #options: RulesetOptions;
  readonly #chains = new Map<string, { head: string; rules: readonly string[] }>();
  readonly #sets = new Map<string, string>();
  readonly #serviceIPs = new Map<string, string>();
  readonly #nodePorts = new Map<string, string>();
  readonly #noEndpointIPs = new Map<string, string>();
  readonly #noEndpointPorts = new Map<string, string>();
  readonly #firewallIPs = new Map<string, string>();
  readonly #clusterIPs = new Map<string, string>();

  constructor(options: RulesetOptions) {
    this.#options = options;
    for (const [name, head, rules] of BASE_CHAINS) this.#chains.set(name, { head, rules });
    const toNodePort = `${options.nodePortIPs === undefined ? TO_LOCAL : TO_NODE} ${DISPATCH_PORT}`;
    this.#chain("services", [`${DISPATCH_IP} @service-ips`, `${toNodePort} @service-nodeports`]);
    this.#chain("nodeport-endpoints-check", [`${toNodePort} @no-endpoint-nodeports`]);
    const { serviceCIDRs } = options;
    this.#chain("cluster-ips-check", [
      // What no Service port took away before: a port that the Service does not have, or an address that no Service has.
      "ip daddr @cluster-ips reject",
      ...(serviceCIDRs.length === 0 ? [] : [`ip daddr { ${serviceCIDRs.join(", ")} } drop`]),
    ]);
  }

  get result(): Ruleset {
    const nodeIPs = new Map((this.#options.nodePortIPs ?? []).map((ip) => [ip, ""]));
    return {
      chains: this.#chains,
      sets: this.#sets,
      maps: new Map([
        ["cluster-ips", { head: "type ipv4_addr", elements: this.#clusterIPs }],
        ["nodeport-ips", { head: "type ipv4_addr", elements: nodeIPs }],
        ["service-ips", { head: IP_KEY, elements: this.#serviceIPs }],
        ["service-nodeports", { head: PORT_KEY, elements: this.#nodePorts }],
        ["no-endpoint-services", { head: IP_KEY, elements: this.#noEndpointIPs }],
        ["no-endpoint-nodeports", { head: PORT_KEY, elements: this.#noEndpointPorts }],
        ["firewall-ips", { head: IP_KEY, elements: this.#firewallIPs }],
      ]),
    };
  }

  add(port: ServicePortModel): void {
    const { protocol, id } = port;
    for (const ip of port.clusterIPs) this.#clusterIPs.set(ip, "");
    const cluster = port.cluster.length > 0 ? this.#balance("service", port, port.cluster) : undefined;
    const local =
      (port.internalLocal || port.externalLocal) && port.local.length > 0
        ? this.#balance("local", port, port.local)
        : undefined;
    // Nobody anywhere is refused; nobody here, but elsewhere, is dropped: the client is to ask another node.
    const nobody = port.cluster.length > 0 ? "drop" : "goto reject-chain";

    const internal = port.internalLocal ? local : cluster;
    for (const ip of port.clusterIPs) {
      const key = `${ip} . ${protocol} . ${port.port}`;
      if (internal === undefined) this.#noEndpointIPs.set(key, nobody);
      else this.#serviceIPs.set(key, `goto ${this.#internalChain(port, internal)}`);
    }
    const outside = [...port.externalIPs, ...port.loadBalancerIPs];
    if (outside.length === 0 && port.nodePort === undefined) return;
    const external = this.#externalChain(port, cluster, local);
    for (const ip of outside) {
      const key = `${ip} . ${protocol} . ${port.port}`;
      if (external === undefined) this.#noEndpointIPs.set(key, nobody);
      else this.#serviceIPs.set(key, `goto ${external}`);
    }
    if (port.nodePort !== undefined) {
      const key = `${protocol} . ${port.nodePort}`;
      if (external === undefined) this.#noEndpointPorts.set(key, nobody);
      else this.#nodePorts.set(key, `goto ${external}`);
    }
    if (port.sourceRanges !== undefined && port.loadBalancerIPs.length > 0) {
      const firewall = named("firewall", id);
      const { sourceRanges, loadBalancerIPs } = port;
      const allowed = (ip: string): boolean => sourceRanges.some((range) => contains(range, ip));
      // A node that has the balancer's address for its own sends from it.
      const own = allowed(this.#options.nodeIP) ? loadBalancerIPs.filter((ip) => !allowed(ip)) : [];
      this.#chain(firewall, [`ip saddr { ${[...sourceRanges, ...own].join(", ")} } return`, "drop"]);
      for (const ip of port.loadBalancerIPs)
        this.#firewallIPs.set(`${ip} . ${protocol} . ${port.port}`, `goto ${firewall}`);
    }
  }

  #chain(name: string, rules: readonly string[]): string {
    this.#chains.set(name, { head: "", rules });
    return name;
  }

  /** To the cluster IP: sources that are no pods get the node's address, so that answers come back this way. */
  #internalChain(port: ServicePortModel, balance: string): string {
    const { masqueradeAll, clusterCIDR } = this.#options;
    if (!masqueradeAll && clusterCIDR === undefined) return balance;
    const outsiders = masqueradeAll ? "" : `ip saddr != ${clusterCIDR} `;
    return this.#chain(named("internal", port.id), [`${outsiders}jump mark-for-masquerade`, `goto ${balance}`]);
  }

  /** To a node port or an outer address. */
  #externalChain(port: ServicePortModel, cluster: string | undefined, local: string | undefined): string | undefined {
    const name = named("external", port.id);
    if (!port.externalLocal)
      return cluster === undefined ? undefined : this.#chain(name, ["jump mark-for-masquerade", `goto ${cluster}`]);
    if (cluster === undefined) return undefined;
    const { clusterCIDR } = this.#options;
    return this.#chain(name, [
      // Pods and the node itself need not come in by the right node: they are inside already.
      ...(clusterCIDR === undefined ? [] : [`ip saddr ${clusterCIDR} goto ${cluster}`]),
      "fib saddr type local jump mark-for-masquerade",
      `fib saddr type local goto ${cluster}`,
      local === undefined ? "drop" : `goto ${local}`,
    ]);
  }

  /** A chain that sends each new connection to one of the endpoints by chance, or to the client's last one. */
  #balance(kind: string, port: ServicePortModel, endpoints: readonly ProxyEndpoint[]): string {
    const rules: string[] = [];
    const chains = endpoints.map((endpoint) => this.#endpointChain(port, endpoint));
    for (const { chain, set } of chains) if (set !== undefined) rules.push(`ip saddr @${set} goto ${chain}`);
    const cases = chains.map(({ chain }, i) => `${i} : goto ${chain}`).join(", ");
    rules.push(`numgen random mod ${chains.length} vmap { ${cases} }`);
    return this.#chain(named(kind, port.id), rules);
  }

  #endpointChain(port: ServicePortModel, endpoint: ProxyEndpoint): { chain: string; set: string | undefined } {
    const id = `${port.id}__${endpoint.ip}/${endpoint.port}`;
    const chain = named("endpoint", id);
    // A pod that reaches itself by its Service would see its own address on both sides.
    const rules = [`ip saddr ${endpoint.ip} jump mark-for-masquerade`];
    let set: string | undefined;
    if (port.affinitySeconds !== undefined) {
      set = named("affinity", id);
      this.#sets.set(set, affinitySet(port.affinitySeconds));
      rules.push(`update @${set} { ip saddr }`);
    }
    rules.push(`meta l4proto ${port.protocol} dnat to ${endpoint.ip}:${endpoint.port}`);
    this.#chain(chain, rules);
    return { chain, set };
  }
}
