// Rules of kinds of networking and storage, in upstream's words.
import { describe, expect, it } from "vitest";
import { createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const errorsOf = (resource: string, body: object, version?: string): string[] => {
  const info = infoOf(resource, undefined, version);
  return createErrors(info, { metadata: { name: "a", ...(info.namespaced ? { namespace: "default" } : {}) }, ...body });
};
const updateErrors = (resource: string, old: object, change: (obj: Loose) => void, subresource = ""): string[] => {
  const info = infoOf(resource);
  const stored = {
    ...created(info, { metadata: { name: "a" }, ...old }),
    ...("status" in old ? { status: old.status } : {}),
  };
  return updated(info, stored, change, subresource).errors;
};

const backend = { service: { name: "s", port: { number: 80 } } };
const withPath = (path: object): object => ({ spec: { rules: [{ http: { paths: [{ backend, ...path }] } }] } });
const ingress = (spec: object): object => ({ spec: { defaultBackend: backend, ...spec } });
const policy = (peer: object, port: object = {}): object => ({ spec: { egress: [{ to: [peer], ports: [port] }] } });
const subset = (address: object, port: object = { port: 1 }): object => ({
  subsets: [{ addresses: [{ ip: "10.0.0.1", ...address }], ports: [port] }],
});
const slice = (endpoint: object, addressType = "IPv4"): object => ({
  addressType,
  endpoints: [{ addresses: ["10.0.0.1"], ...endpoint }],
});
const driver = (part: object): object => ({
  spec: { drivers: [{ name: "d.io", nodeID: "n", topologyKeys: null, ...part }] },
});

describe("what is new must be right", () => {
  it.each<[string, object, string[]]>([
    [
      "ingresses",
      withPath({ path: "/a//b/..", pathType: "Exact" }),
      ["must not contain '//'", "cannot end with '/..'"],
    ],
    ["ingresses", withPath({ path: "/a//b", pathType: "ImplementationSpecific" }), []],
    [
      "ingresses",
      ingress({ rules: [{ host: "*.a.b" }, { host: "*a.b" }] }),
      ["a wildcard DNS-1123 subdomain must start"],
    ],
    ["ingresses", ingress({ rules: [{ host: "1.2.3.4" }] }), ["must be a DNS name, not an IP address"]],
    [
      "ingresses",
      ingress({ tls: [{ secretName: "A", hosts: ["B"] }] }),
      ["a lowercase RFC 1123", "a lowercase RFC 1123"],
    ],
    [
      "ingresses",
      ingress({ defaultBackend: { service: { name: "s", port: { name: "p", number: 1 } } } }),
      ["cannot set both port name & port number"],
    ],
    ["ingresses", ingress({ defaultBackend: { resource: { kind: "", name: "x" } } }), ["kind is required"]],
    ["ingresses", ingress({ defaultBackend: { service: { name: "1s", port: { number: 80 } } } }), []],
    ["ingressclasses", { spec: { controller: "x" } }, ["must be a domain-prefixed path"]],
    [
      "ingressclasses",
      { spec: { controller: "a.io/x", parameters: { kind: "K", name: "n", scope: "Cluster", namespace: "n" } } },
      ["`parameters.scope` is set to 'Cluster'"],
    ],
    [
      "networkpolicies",
      policy({ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16", "11.0.0.0/16", "10.0.0.0/8"] } }),
      ["must be a strict subset of `cidr`", "must be a strict subset of `cidr`"],
    ],
    [
      "networkpolicies",
      policy({ ipBlock: { cidr: "10.0.0.1/8" } }),
      ["must not have bits set beyond the prefix length"],
    ],
    [
      "networkpolicies",
      policy({ ipBlock: { cidr: "010.0.0.0/8" } }),
      ["must not have leading 0s in IP or prefix length"],
    ],
    [
      "networkpolicies",
      policy({ ipBlock: { cidr: "::ffff:10.0.0.0/104" } }),
      ["must not have an IPv4-mapped IPv6 address"],
    ],
    [
      "networkpolicies",
      policy({ podSelector: {} }, { endPort: 2 }),
      ["may not be specified when `port` is not specified"],
    ],
    [
      "networkpolicies",
      policy({ podSelector: {} }, { port: 5, endPort: 2 }),
      ["must be greater than or equal to `port`"],
    ],
    ["endpoints", subset({ ip: "010.0.0.1", nodeName: "N" }), ["must not have leading 0s", "a lowercase RFC 1123"]],
    [
      "endpoints",
      subset({ ip: "::ffff:127.0.0.1" }),
      ["must not be an IPv4-mapped IPv6 address", "may not be in the loopback range"],
    ],
    [
      "endpoints",
      subset({}, { port: 1, name: "A", appProtocol: "/" }),
      [
        "a lowercase RFC 1123",
        "prefix part must be non-empty",
        "name part must be non-empty",
        "name part must consist",
      ],
    ],
    ["endpointslices", slice({ addresses: ["fd00::1"] }), ["must be an IPv4 address"]],
    ["endpointslices", slice({ addresses: ["fe80::1"] }, "IPv6"), ["may not be in the link-local range"]],
    ["endpointslices", slice({ addresses: ["a"] }, "FQDN"), ["should be a domain with at least two segments"]],
    ["endpointslices", slice({ hints: { forZones: [{ name: "z" }, { name: "z" }] } }), [""]],
    [
      "storageclasses",
      { provisioner: "a/b/c", volumeBindingMode: "Later" },
      ["a qualified name must consist", "supported values"],
    ],
    [
      "storageclasses",
      { provisioner: "p", allowedTopologies: [{ matchLabelExpressions: [{ key: "k", values: ["v", "v"] }] }] },
      [""],
    ],
    [
      "csidrivers",
      {
        spec: {
          fsGroupPolicy: "Some",
          tokenRequests: [{ audience: "", expirationSeconds: 5 }],
          nodeAllocatableUpdatePeriodSeconds: 1,
        },
      },
      [
        "supported values",
        "may not specify a duration less than 10 minutes",
        "must be greater than or equal to 10 seconds",
      ],
    ],
    [
      "csinodes",
      driver({ name: "D_", nodeID: "", allocatable: { count: -1 } }),
      ["a lowercase RFC 1123", "", "must be greater than or equal to 0"],
    ],
    [
      "volumeattachments",
      { spec: { attacher: "a.io", nodeName: "n", source: { persistentVolumeName: "p", inlineVolumeSpec: {} } } },
      ["must specify exactly one of inlineVolumeSpec"],
    ],
    ["volumeattributesclasses", { driverName: "d.io" }, ["must contain at least one key/value pair"]],
    ["csistoragecapacities", { storageClassName: "s", capacity: "-1" }, ["must be greater than or equal to 0"]],
  ])("%s %j", (resource, body, expected) => {
    const found = errorsOf(resource, body).map((text) => text.replace(/^\S+ /, ""));
    expect(found.map((text, index) => text.slice(0, expected[index]?.length ?? 99))).toEqual(expected);
  });
});

describe("what was there stays", () => {
  it("addresses and ranges of older rules", () => {
    expect(
      updateErrors(
        "networkpolicies",
        policy({ ipBlock: { cidr: "10.0.0.1/8" } }),
        ({ spec }) => void (spec.podSelector = { matchLabels: { a: "b" } }),
      ),
    ).toEqual([]);
    expect(
      updateErrors("endpoints", subset({ ip: "010.0.0.1" }), ({ metadata }) => void (metadata.labels = { a: "b" })),
    ).toEqual([]);
    const old = slice({ addresses: ["010.0.0.1"] });
    expect(
      updateErrors("endpointslices", old, ({ endpoints }) => void endpoints.push({ addresses: ["10.0.0.2"] })),
    ).toEqual([]);
    expect(
      updateErrors("endpointslices", old, ({ endpoints }) => void endpoints.push({ addresses: ["010.0.0.2"] })),
    ).toEqual(["endpoints[1].addresses[0]: must not have leading 0s"]);
  });

  it("names of secrets of older rules", () => {
    const old = ingress({ tls: [{ secretName: "A" }] });
    expect(updateErrors("ingresses", old, ({ spec }) => void spec.tls.push({ secretName: "B" }))).toEqual([]);
  });

  it("a driver's place on a node, but for how much fits", () => {
    const change = (part: object): string[] =>
      updateErrors("csinodes", driver({}), ({ spec }) => void Object.assign(spec.drivers[0], part));
    expect(change({ allocatable: { count: 5 } })).toEqual([]);
    expect(change({ nodeID: "other" })).toEqual(["spec.drivers: field is immutable"]);
  });
});

describe("what is told of a status must be right", () => {
  const condition = {
    type: "Ready",
    status: "True",
    reason: "Good",
    message: "",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  };
  const ofConditions = (...conditions: object[]): string[] =>
    updateErrors(
      "poddisruptionbudgets",
      { spec: { minAvailable: 1 } },
      (budget) => void (budget.status = { conditions }),
      "status",
    );

  it.each<[object[], string[]]>([
    [[condition], []],
    [[condition, condition], ["status.conditions[1].type: "]],
    [
      [{ ...condition, type: "" }],
      ["status.conditions[0].type: name part must be non-empty", "status.conditions[0].type: name part must consist"],
    ],
    [
      [{ ...condition, status: "Maybe" }],
      ['status.conditions[0].status: supported values: "False", "True", "Unknown"'],
    ],
    [[{ ...condition, reason: "" }], ["status.conditions[0].reason: must be set"]],
    [[{ ...condition, reason: "not good" }], ["status.conditions[0].reason: a condition reason must start with"]],
    [[{ ...condition, lastTransitionTime: null }], ["status.conditions[0].lastTransitionTime: must be set"]],
    [
      [{ ...condition, observedGeneration: -1 }],
      ["status.conditions[0].observedGeneration: must be greater than or equal to zero"],
    ],
    [
      [{ ...condition, message: "x".repeat(32 * 1024 + 1) }],
      ["status.conditions[0].message: may not be more than 32768 bytes"],
    ],
  ])("conditions %#", (conditions, expected) => {
    expect(ofConditions(...conditions).map((text, index) => text.slice(0, expected[index]?.length ?? 99))).toEqual(
      expected,
    );
  });

  it("counts, addresses and errors", () => {
    expect(
      updateErrors(
        "poddisruptionbudgets",
        { spec: { minAvailable: 1 } },
        (budget) => void (budget.status = { currentHealthy: -1 }),
        "status",
      ),
    ).toEqual(["status.currentHealthy: must be greater than or equal to 0"]);
    expect(
      updateErrors(
        "ingresses",
        ingress({}),
        (each) => void (each.status = { loadBalancer: { ingress: [{ ip: "x", hostname: "1.2.3.4" }] } }),
        "status",
      ),
    ).toEqual([
      "status.loadBalancer.ingress[0].ip: must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
      "status.loadBalancer.ingress[0].hostname: must be a DNS name, not an IP address",
    ]);
    const attachment = { spec: { attacher: "a.io", nodeName: "n", source: { persistentVolumeName: "p" } } };
    expect(
      updateErrors(
        "volumeattachments",
        attachment,
        (each) => void (each.status = { attached: false, attachError: { errorCode: -1 } }),
        "status",
      ),
    ).toEqual(["status.attachError.errorCode: must be between 0 and 2147483647, inclusive"]);
  });
});
