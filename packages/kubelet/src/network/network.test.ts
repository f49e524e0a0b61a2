import type { Pod } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { type DnsConfigInput, parseResolvConf, podDnsConfig } from "./dns-config.ts";
import { podHostname } from "./hostname.ts";
import { hostNetworkHostsFile, managedHostsFile } from "./hosts-file.ts";

const pod = (spec: Partial<NonNullable<Pod["spec"]>>, name = "web"): Pod => ({
  metadata: { name, namespace: "ns", uid: "u" },
  spec: { containers: [], ...spec },
});

describe("podDnsConfig", () => {
  const warnings: string[] = [];
  const input: DnsConfigInput = {
    clusterDNS: ["10.96.0.10"],
    clusterDomain: "cluster.local",
    host: parseResolvConf("# c\nnameserver 8.8.8.8\nsearch corp. lan\noptions ndots:2 timeout:1\n"),
    onWarning: (reason) => void warnings.push(reason),
  };
  const cluster = ["ns.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp", "lan"];

  it.each([
    ["ClusterFirst by default", {}, { servers: ["10.96.0.10"], searches: cluster, options: ["ndots:5"] }],
    [
      "Default for the node's network",
      { hostNetwork: true },
      { servers: ["8.8.8.8"], searches: ["corp", "lan"], options: ["ndots:2", "timeout:1"] },
    ],
    [
      "ClusterFirstWithHostNet",
      { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" },
      { servers: ["10.96.0.10"], searches: cluster, options: ["ndots:5"] },
    ],
    [
      "None with dnsConfig",
      { dnsPolicy: "None", dnsConfig: { nameservers: ["1.1.1.1"], searches: ["x"], options: [{ name: "edns0" }] } },
      { servers: ["1.1.1.1"], searches: ["x"], options: ["edns0"] },
    ],
    [
      "dnsConfig added, options replaced by name",
      { dnsConfig: { nameservers: ["1.1.1.1", "10.96.0.10"], options: [{ name: "ndots", value: "3" }] } },
      { servers: ["10.96.0.10", "1.1.1.1"], searches: cluster, options: ["ndots:3"] },
    ],
  ])("%s", (_, spec, want) => expect(podDnsConfig(pod(spec), input)).toEqual(want));

  it("keeps what the C library reads, and says so", () => {
    const config = podDnsConfig(pod({ dnsPolicy: "None", dnsConfig: { nameservers: ["1", "2", "3", "4"] } }), input);
    expect(config.servers).toEqual(["1", "2", "3"]);
    expect(podDnsConfig(pod({}), { ...input, clusterDNS: [] }).servers).toEqual(["8.8.8.8"]);
    expect(warnings).toEqual(["DNSConfigForming", "MissingClusterDNS"]);
  });
});

describe("podHostname", () => {
  it.each([
    [{}, "web", { hostname: "web", domain: "", kernelHostname: "web" }],
    [{ hostname: "h", subdomain: "s" }, "web", { hostname: "h", domain: "s.ns.svc.c.l", kernelHostname: "h" }],
    [
      { subdomain: "s", setHostnameAsFQDN: true },
      "web",
      { hostname: "web", domain: "s.ns.svc.c.l", kernelHostname: "web.s.ns.svc.c.l" },
    ],
    [{}, `${"a".repeat(62)}-b`, { hostname: "a".repeat(62), domain: "", kernelHostname: "a".repeat(62) }],
    [{ hostnameOverride: "o", subdomain: "s" }, "web", { hostname: "o", domain: "", kernelHostname: "o" }],
  ])("%j", (spec, name, want) => expect(podHostname(pod(spec, name), "c.l")).toEqual(want));

  it("refuses a FQDN that Linux cannot hold", () => {
    expect(() => podHostname(pod({ subdomain: "s".repeat(60), setHostnameAsFQDN: true }), "c.l")).toThrow(
      "is too long (64 characters is the max",
    );
  });
});

describe("hosts file", () => {
  const aliases = [{ ip: "1.2.3.4", hostnames: ["x", "y"] }];
  it("names the pod and its aliases", () => {
    const text = managedHostsFile({ podIPs: ["10.0.0.1"], hostname: "h", domain: "s.ns", aliases });
    expect(text.split("\n")[0]).toBe("# Kubernetes-managed hosts file.");
    expect(text).toContain("10.0.0.1\th.s.ns\th\n");
    expect(text.endsWith("\n# Entries added by HostAliases.\n1.2.3.4\tx\ty\n")).toBe(true);
  });
  it("is the node's own with the node's network", () => {
    expect(hostNetworkHostsFile("127.0.0.1 me\n", [])).toBe(
      "# Kubernetes-managed hosts file (host network).\n127.0.0.1 me\n",
    );
  });
});
