import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import type { Service } from "@knots/api/core/v1";
import type { Endpoint, EndpointSlice } from "@knots/api/discovery/v1";
import { staleFlows } from "./conntrack.ts";
import { ruleset, type Ruleset, type RulesetOptions } from "./ruleset.ts";
import { staleChains, TABLE, transition } from "./script.ts";
import { servicePorts, type ServicePortModel } from "./service-ports.ts";

const PLACE = { nodeName: "n1", zone: "a" };
const OPTIONS: RulesetOptions = {
  nodeIP: "10.0.0.1",
  nodePortIPs: ["10.0.0.1"],
  clusterCIDR: "10.244.0.0/16",
  serviceCIDRs: [],
  masqueradeAll: false,
};

function service(spec: Partial<NonNullable<Service["spec"]>> = {}): Service {
  return {
    metadata: { name: "web", namespace: "ns" },
    spec: { clusterIP: "10.96.0.5", clusterIPs: ["10.96.0.5"], ports: [{ name: "http", port: 80 }], ...spec },
  };
}
function slice(endpoints: Partial<Endpoint>[], protocol = "TCP"): EndpointSlice {
  return {
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol }],
    endpoints: endpoints.map((each, i) => ({ addresses: [`10.244.0.${i + 1}`], ...each })),
  } as EndpointSlice;
}
function ports(spec: Partial<NonNullable<Service["spec"]>>, endpoints: Partial<Endpoint>[]): ServicePortModel[] {
  return servicePorts(service(spec), [slice(endpoints, spec.ports?.[0]?.protocol)], PLACE);
}
const rules = (set: Ruleset, kind: string): (readonly string[])[] =>
  [...set.chains].filter(([name]) => name.startsWith(`${kind}-`) && name.includes("/")).map(([, each]) => each.rules);
const elements = (set: Ruleset, map: string): string[] =>
  [...(set.maps.get(map)?.elements ?? [])].map(([key, value]) => `${key} : ${value.replace(/-[0-9A-F]{8}-/, "-#-")}`);

describe("endpoints", () => {
  const ips = (endpoints: Partial<Endpoint>[]): string[] =>
    ports({}, endpoints).flatMap(({ cluster }) => cluster.map(({ ip }) => ip));
  test("are the ready ones; conditions that nobody set count as ready", () => {
    expect(ips([{ conditions: { ready: false } }, {}, { conditions: { ready: true } }])).toEqual([
      "10.244.0.2",
      "10.244.0.3",
    ]);
  });
  test("are those that terminate and still serve when none is ready", () => {
    expect(
      ips([
        { conditions: { ready: false, serving: true, terminating: true } },
        { conditions: { ready: false, serving: false, terminating: true } },
      ]),
    ).toEqual(["10.244.0.1"]);
  });
  test("follow hints only when every one has some and this zone has one", () => {
    const here = { hints: { forZones: [{ name: "a" }] } };
    const there = { hints: { forZones: [{ name: "b" }] } };
    expect(ips([here, there])).toEqual(["10.244.0.1"]);
    expect(ips([here, {}])).toHaveLength(2);
    expect(ips([there])).toHaveLength(1);
    expect(ips([{ hints: { forNodes: [{ name: "n1" }] } }, { hints: { forNodes: [{ name: "n2" }] } }])).toEqual([
      "10.244.0.1",
    ]);
  });
});

describe("served Services", () => {
  test("have a cluster IP and no other proxy", () => {
    expect(ports({ clusterIP: "None", clusterIPs: ["None"] }, [{}])).toEqual([]);
    expect(ports({ type: "ExternalName" }, [{}])).toEqual([]);
    const other = service();
    other.metadata = { ...other.metadata, labels: { "service.kubernetes.io/service-proxy-name": "x" } };
    expect(servicePorts(other, [slice([{}])], PLACE)).toEqual([]);
  });
});

describe("rules", () => {
  test("a cluster IP leads to one endpoint by chance", () => {
    const set = ruleset(ports({}, [{}, {}]), OPTIONS);
    expect(elements(set, "service-ips")).toEqual(["10.96.0.5 . tcp . 80 : goto internal-#-ns/web/tcp/http"]);
    expect(rules(set, "internal")[0]?.[0]).toBe("ip saddr != 10.244.0.0/16 jump mark-for-masquerade");
    expect(rules(set, "service")[0]?.[0]).toMatch(/^numgen random mod 2 vmap \{ 0 : goto endpoint-/);
    expect(rules(set, "endpoint").map((each) => each.at(-1))).toEqual([
      "meta l4proto tcp dnat to 10.244.0.1:8080",
      "meta l4proto tcp dnat to 10.244.0.2:8080",
    ]);
  });
  test("without endpoints it is refused, on the node port as well", () => {
    const set = ruleset(
      ports({ type: "NodePort", ports: [{ name: "http", port: 80, nodePort: 30_000 }] }, []),
      OPTIONS,
    );
    expect(elements(set, "no-endpoint-services")).toEqual(["10.96.0.5 . tcp . 80 : goto reject-chain"]);
    expect(elements(set, "no-endpoint-nodeports")).toEqual(["tcp . 30000 : goto reject-chain"]);
    expect(elements(set, "service-ips")).toEqual([]);
  });
  test("internal policy Local drops where only other nodes have endpoints", () => {
    const set = ruleset(ports({ internalTrafficPolicy: "Local" }, [{ nodeName: "n2" }]), OPTIONS);
    expect(elements(set, "no-endpoint-services")).toEqual(["10.96.0.5 . tcp . 80 : drop"]);
  });
  test("external policy Local keeps the client's address", () => {
    const spec = {
      type: "NodePort",
      externalTrafficPolicy: "Local",
      ports: [{ name: "http", port: 80, nodePort: 30_000 }],
    };
    const set = ruleset(ports(spec, [{ nodeName: "n1" }, { nodeName: "n2" }]), OPTIONS);
    expect(rules(set, "external")[0]?.at(-1)).toMatch(/^goto local-/);
    expect(rules(set, "local")[0]).toHaveLength(1);
    const away = ruleset(ports(spec, [{ nodeName: "n2" }]), OPTIONS);
    expect(rules(away, "external")[0]?.at(-1)).toBe("drop");
  });
  test("source ranges guard the load balancer's address", () => {
    const one = service({ type: "LoadBalancer", loadBalancerSourceRanges: ["192.0.2.0/24"] });
    one.status = { loadBalancer: { ingress: [{ ip: "198.51.100.7" }] } };
    const set = ruleset(servicePorts(one, [slice([{}])], PLACE), OPTIONS);
    expect(rules(set, "firewall")).toEqual([["ip saddr { 192.0.2.0/24 } return", "drop"]]);
    expect(elements(set, "firewall-ips")[0]).toContain("198.51.100.7 . tcp . 80");
  });
});

describe("scripts", () => {
  const one = ruleset(ports({}, [{}]), OPTIONS);
  test("nothing to do is no script", () => {
    expect(transition(one, ruleset(ports({}, [{}]), OPTIONS))).toBe("");
  });
  test("a new endpoint touches its Service's chains alone", () => {
    const script = transition(one, ruleset(ports({}, [{}, {}]), OPTIONS));
    expect(script).not.toContain("nat-prerouting");
    expect(script.split("\n").filter((line) => line.startsWith("flush chain"))).toHaveLength(1);
  });
  test("what goes is taken away after what refers to it", () => {
    const script = transition(one, ruleset([], OPTIONS)).trim().split("\n");
    expect(script[0]).toMatch(/^delete element ip kube-proxy cluster-ips/);
    expect(script.at(-1)).toMatch(/^flush chain/);
    expect(staleChains(one, ruleset([], OPTIONS))).toHaveLength(3);
  });

  const root = process.getuid?.() === 0;
  test.skipIf(!root)("the kernel takes every step between rulesets", () => {
    const affinity = { sessionAffinity: "ClientIP" };
    const timed = { ...affinity, sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } };
    const nodePort = { type: "NodePort", ports: [{ name: "http", port: 80, nodePort: 30_001 }] };
    const udp = { ports: [{ name: "http", port: 53, protocol: "UDP" }] };
    const steps = [
      {},
      affinity,
      timed,
      nodePort,
      { ...nodePort, externalTrafficPolicy: "Local" },
      { internalTrafficPolicy: "Local" },
      udp,
    ]
      .flatMap((spec) =>
        [2, 0, 3].map((count) =>
          ports(
            spec,
            Array.from({ length: count }, () => ({ nodeName: "n1" })),
          ),
        ),
      )
      .map((each) => ruleset(each, OPTIONS));
    const namespace = `knots-proxy-${process.pid}`;
    execFileSync("ip", ["netns", "add", namespace]);
    const nft = (input: string): string =>
      execFileSync("nsenter", [`--net=/run/netns/${namespace}`, "nft", "-f", "-"], { input, stdio: "pipe" }).toString();
    const list = (): string =>
      execFileSync("nsenter", [`--net=/run/netns/${namespace}`, "nft", "list", "table", "ip", "kube-proxy"]).toString();
    try {
      let have: Ruleset | undefined;
      for (const want of steps) {
        const script = transition(have, want);
        if (script !== "") nft(script);
        // What was emptied goes in a transaction of its own.
        nft(
          staleChains(have, want)
            .map((name) => `delete chain ${TABLE} ${name}\n`)
            .join(""),
        );
        have = want;
      }
      const stepwise = list();
      nft(transition(undefined, have ?? ruleset([], OPTIONS)));
      // Step by step or at once: the same table, whatever order it is listed in.
      const sorted = (text: string): string[] => text.split("\n").toSorted();
      expect(sorted(stepwise)).toEqual(sorted(list()));
    } finally {
      execFileSync("ip", ["netns", "del", namespace]);
    }
  });
});

test("UDP flows to gone endpoints are forgotten, TCP's are left", () => {
  const udp = { ports: [{ name: "http", port: 53, protocol: "UDP" }] };
  expect(staleFlows(ports(udp, [{}, {}]), ports(udp, [{}]))).toEqual([
    ["-D", "-p", "udp", "--orig-dst", "10.96.0.5", "--dport", "53", "--dst-nat", "10.244.0.2"],
  ]);
  expect(staleFlows([], ports(udp, [{}]))).toEqual([["-D", "-p", "udp", "--orig-dst", "10.96.0.5", "--dport", "53"]]);
  expect(staleFlows(ports({}, [{}]), [])).toEqual([]);
});
