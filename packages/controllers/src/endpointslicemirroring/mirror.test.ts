import type { Endpoints, EndpointSubset, Service } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { expect, test } from "vitest";
import { planMirror, shouldMirror } from "./mirror.ts";

const endpoints = (subsets: EndpointSubset[], more: object = {}): Endpoints => ({
  metadata: { name: "web", namespace: "ns", uid: "e", ...more },
  subsets,
});
const service: Service = { metadata: { name: "web", namespace: "ns" }, spec: {} };
const stored = (slice: EndpointSlice, i: number): EndpointSlice => ({
  ...slice,
  metadata: { ...slice.metadata, name: `web-${i}`, uid: `s${i}`, resourceVersion: "1" },
});
const ports = [{ name: "http", port: 80 }];

test.each<[string, Endpoints | undefined, Service | undefined, boolean]>([
  ["its own", endpoints([]), service, true],
  ["gone", undefined, service, false],
  ["of no Service", endpoints([]), undefined, false],
  ["of a Service that selects", endpoints([]), { ...service, spec: { selector: { a: "b" } } }, false],
  ["not wanted", endpoints([], { labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } }), service, false],
  [
    "an election's",
    endpoints([], { annotations: { "control-plane.alpha.kubernetes.io/leader": "{}" } }),
    service,
    false,
  ],
])("mirrored: %s", (_what, of, its, want) => expect(shouldMirror(of, its)).toBe(want));

test("by family and ports, ready and not, with labels and annotations, once", () => {
  const of = endpoints(
    [
      {
        addresses: [{ ip: "10.0.0.1", hostname: "a" }, { ip: "fd00::1" }],
        notReadyAddresses: [{ ip: "10.0.0.2" }],
        ports,
      },
      { addresses: [{ ip: "10.0.0.3" }], ports: [{ name: "http", port: 81 }] },
    ],
    { labels: { tier: "x" }, annotations: { note: "1", "endpoints.kubernetes.io/last-change-trigger-time": "t" } },
  );
  const plan = planMirror(of, [], 1000);
  expect(plan.create.map((slice) => [slice.addressType, slice.ports?.[0]?.port, slice.endpoints])).toEqual([
    [
      "IPv4",
      80,
      [
        { addresses: ["10.0.0.1"], conditions: { ready: true }, hostname: "a" },
        { addresses: ["10.0.0.2"], conditions: { ready: false } },
      ],
    ],
    ["IPv4", 81, [{ addresses: ["10.0.0.3"], conditions: { ready: true } }]],
    ["IPv6", 80, [{ addresses: ["fd00::1"], conditions: { ready: true } }]],
  ]);
  expect(plan.create[0]?.metadata).toMatchObject({
    generateName: "web-",
    labels: {
      tier: "x",
      "kubernetes.io/service-name": "web",
      "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    },
    annotations: { note: "1" },
    ownerReferences: [{ kind: "Endpoints", uid: "e", controller: true }],
  });
  const again = planMirror(of, plan.create.map(stored), 1000);
  expect([again.create, again.update, again.remove]).toEqual([[], [], []]);
});

test("no addresses, no slices", () => {
  const before = planMirror(endpoints([{ addresses: [{ ip: "10.0.0.1" }], ports }]), [], 1000).create.map(stored);
  expect(planMirror(endpoints([]), before, 1000)).toMatchObject({ create: [], update: [], remove: before });
});

test("too many, and what is no address", () => {
  const addresses = ["10.0.0.1", "10.0.0.2", "nonsense", "10.0.0.3"].map((ip) => ({ ip }));
  const plan = planMirror(endpoints([{ addresses, ports }]), [], 2);
  expect([plan.skipped, plan.invalid, plan.create[0]?.endpoints?.length]).toEqual([1, 1, 2]);
});
