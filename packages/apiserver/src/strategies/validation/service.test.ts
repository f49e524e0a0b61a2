import { describe, expect, it } from "vitest";
import { createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";
import { strategyFor } from "../index.ts";

const info = infoOf("services", "");
const metadata = { name: "web", namespace: "default" };
const ports = [{ port: 80 }];
const service = (spec: object, annotations: Record<string, string> = {}): Loose => ({
  metadata: { ...metadata, annotations },
  spec: { ports, ...spec },
});
/** As it is stored, with what was allocated. */
const stored = (spec: object): Loose =>
  created(
    info,
    service({
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
      ...spec,
    }),
  );
const balanced = { type: "LoadBalancer" };
const onlyBalanced = "may only be used when `type` is 'LoadBalancer'";

describe("a new service", () => {
  const cases: [string, Loose, string[]][] = [
    ["nothing amiss", service({ trafficDistribution: "PreferSameNode" }), []],
    [
      "traffic that goes where it cannot",
      service({ trafficDistribution: "Prefer", internalTrafficPolicy: "Near" }),
      [
        'spec.internalTrafficPolicy: supported values: "Cluster", "Local"',
        'spec.trafficDistribution: supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
      ],
    ],
    [
      "an affinity for too long",
      service({ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } }),
      ["spec.sessionAffinityConfig.clientIP.timeoutSeconds: must be greater than 0 and less than 86400"],
    ],
    [
      "addresses that are nobody's",
      service({ externalIPs: ["169.254.0.1", "010.0.0.1", "x"] }),
      [
        "spec.externalIPs[0]: may not be in the link-local range (169.254.0.0/16, fe80::/10)",
        "spec.externalIPs[1]: must not have leading 0s",
        "spec.externalIPs[2]: must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
      ],
    ],
    [
      "ranges that are none",
      service({ ...balanced, loadBalancerSourceRanges: [" 10.0.0.0/8 ", "10.0.0.1/8", "x"] }),
      [
        "spec.LoadBalancerSourceRanges[1]: must not have bits set beyond the prefix length",
        "spec.LoadBalancerSourceRanges[2]: must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
      ],
    ],
    [
      "ranges in an annotation",
      service({}, { "service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8, x" }),
      [
        `metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: ${onlyBalanced}`,
        "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
      ],
    ],
    [
      "two topologies",
      service({}, { "service.kubernetes.io/topology-mode": "Auto", "service.kubernetes.io/topology-aware-hints": "x" }),
      [
        "metadata.annotations[service.kubernetes.io/topology-mode]: must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified",
      ],
    ],
    [
      "a class of balancers without a name",
      service({ ...balanced, loadBalancerClass: "a/b/c" }),
      [
        "spec.loadBalancerClass: a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
      ],
    ],
  ];
  it.each(cases)("with %s", (_what, body, errors) => {
    expect(createErrors(info, body)).toEqual(errors);
  });

  it("shows the port that is the kubelet's, and can be made by PUT", () => {
    const errors = strategyFor(info).validate?.(
      created(info, service({ ...balanced, ports: [{ port: 10_250 }] })),
      {} as never,
    );
    expect(errors).toMatchObject([{ field: "spec.ports[0]", badValue: 10_250 }]);
    expect(strategyFor(info).allowCreateOnUpdate).toBe(true);
  });
});

describe("an update", () => {
  const dual = { clusterIPs: ["10.0.0.1", "fd00::1"], ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "PreferDualStack" };
  const cases: [string, object, object, string[]][] = [
    ["of the address", {}, { clusterIP: "10.0.0.2" }, ["spec.clusterIPs[0]: may not change once set"]],
    [
      "that takes the first address away",
      {},
      { clusterIP: undefined, clusterIPs: undefined },
      ["spec.clusterIPs[0]: primary clusterIP can not be unset"],
    ],
    ["that adds a second one", {}, dual, []],
    [
      "that loses the second one unasked",
      dual,
      { clusterIPs: ["10.0.0.1"], ipFamilies: ["IPv4"] },
      [
        "spec.ipFamilyPolicy: must be set to 'SingleStack' when releasing the secondary clusterIP",
        "spec.ipFamilyPolicy: must be set to 'SingleStack' when releasing the secondary ipFamily",
      ],
    ],
    ["that loses it", dual, { clusterIPs: ["10.0.0.1"], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" }, []],
    [
      "of the family",
      {},
      { ipFamilies: ["IPv6"] },
      [
        "spec.ipFamilies[0]: may not change once set",
        "spec.clusterIPs[0]: expected an IPv6 value as indicated by `ipFamilies[0]`",
      ],
    ],
    [
      "of the class of its balancer",
      { ...balanced },
      { loadBalancerClass: "example.com/b" },
      ["spec.loadBalancerClass: may not change once set"],
    ],
    [
      "of the port of its health",
      { ...balanced, externalTrafficPolicy: "Local", healthCheckNodePort: 30_001 },
      { healthCheckNodePort: 30_002 },
      ["spec.healthCheckNodePort: field is immutable"],
    ],
    ["that keeps how its addresses are spelled", { externalIPs: ["010.0.0.1"] }, { sessionAffinity: "ClientIP" }, []],
    [
      "to another type, with what only balancers have",
      { ...balanced, loadBalancerSourceRanges: ["10.0.0.0/8"], loadBalancerClass: "a.b/c" },
      { type: "ClusterIP" },
      [`spec.LoadBalancerSourceRanges: ${onlyBalanced}`],
    ],
  ];
  it.each(cases)("%s", (_what, old, change, errors) => {
    expect(updated(info, stored(old), (obj) => Object.assign(obj.spec, change)).errors).toEqual(errors);
  });

  it("to another type gives back all node ports or, with a new one among them, none", () => {
    const ports = [{ port: 80, nodePort: 30_000, protocol: "TCP", targetPort: 80 }];
    const old = stored({ type: "NodePort", ports });
    const { next } = updated(info, old, (obj) => void (obj.spec.type = "ClusterIP"));
    expect(next.spec.ports[0].nodePort).toBeUndefined();
    expect(next.spec.externalTrafficPolicy).toBeUndefined();
    const { errors } = updated(info, old, (obj) => {
      obj.spec.type = "ClusterIP";
      obj.spec.ports.push({ name: "b", port: 81, nodePort: 30_001, protocol: "TCP", targetPort: 81 });
      obj.spec.ports[0].name = "a";
    });
    expect(errors).toEqual([
      "spec.ports[0].nodePort: may not be used when `type` is 'ClusterIP'",
      "spec.ports[1].nodePort: may not be used when `type` is 'ClusterIP'",
    ]);
  });

  it("to another type takes the balancer's addresses away, and leaves the old object alone", () => {
    const old = stored(balanced);
    old.status = { loadBalancer: { ingress: [{ ip: "1.2.3.4", ipMode: "VIP" }] } };
    const { next } = updated(info, old, (obj) => void (obj.spec.type = "ClusterIP"));
    expect(next.status).toEqual({ loadBalancer: {} });
    expect(old.status.loadBalancer.ingress).toHaveLength(1);
  });
});

describe("a status", () => {
  const cases: [object, object, string[]][] = [
    [balanced, { ip: "1.2.3.4" }, []],
    [{}, { ip: "1.2.3.4" }, ["status.loadBalancer.ingress: may only be used when `spec.type` is 'LoadBalancer'"]],
    [
      balanced,
      { ipMode: "VIP", hostname: "1.2.3.4" },
      [
        "status.loadBalancer.ingress[0].ipMode: may not be specified when `ip` is not set",
        "status.loadBalancer.ingress[0].hostname: must be a DNS name, not an IP address",
      ],
    ],
    [
      balanced,
      { ip: "01.2.3.4", ipMode: "Any" },
      [
        "status.loadBalancer.ingress[0].ip: must not have leading 0s",
        'status.loadBalancer.ingress[0].ipMode: supported values: "Proxy", "VIP"',
      ],
    ],
  ];
  it.each(cases)("of %j with %j", (spec, ingress, errors) => {
    const change = (obj: Loose): void => void (obj.status = { loadBalancer: { ingress: [ingress] } });
    expect(updated(info, stored(spec), change, "status").errors).toEqual(errors);
  });
});
