import type { Node, Pod, Service } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { FakeClock } from "@knots/machinery";
import { describe, expect, test } from "vitest";
import { withHints } from "./hints.ts";
import { planServiceSlices } from "./plan.ts";
import { endpointPorts, portsKey } from "./ports.ts";
import { servicesToUpdate, ServiceSelectors } from "./selection.ts";
import { SliceTracker } from "./slice-tracker.ts";
import { TriggerTimes } from "./trigger-time.ts";

const service = (spec: Partial<NonNullable<Service["spec"]>> = {}, labels = {}): Service => ({
  metadata: { name: "web", namespace: "ns", uid: "svc", labels, creationTimestamp: "2026-11-24T10:00:00Z" },
  spec: {
    selector: { app: "web" },
    clusterIP: "10.96.0.1",
    ipFamilies: ["IPv4"],
    ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }],
    ...spec,
  },
});

interface PodMore {
  ready?: boolean;
  going?: boolean;
  phase?: string;
  ips?: string[];
  spec?: Partial<NonNullable<Pod["spec"]>>;
}

const pod = (n: number, more: PodMore = {}): Pod => ({
  metadata: {
    name: `p${n}`,
    namespace: "ns",
    uid: `u${n}`,
    labels: { app: "web" },
    ...(more.going ? { deletionTimestamp: "2026-11-24T10:00:00Z" } : {}),
  },
  spec: { nodeName: "n1", containers: [{ name: "c", ports: [{ name: "web", containerPort: 8443 }] }], ...more.spec },
  status: {
    phase: (more.phase ?? "Running") as never,
    podIP: more.ips?.[0] ?? `10.244.0.${n}`,
    podIPs: (more.ips ?? [`10.244.0.${n}`]).map((ip) => ({ ip })),
    conditions: [{ type: "Ready", status: more.ready === false ? "False" : "True" }],
  },
});

const node: Node = { metadata: { name: "n1", labels: { "topology.kubernetes.io/zone": "z1" } } };
const nodeOf = (name: string): Node | undefined => (name === "n1" ? node : undefined);

function plan(of: Service, pods: readonly Pod[], existing: readonly EndpointSlice[] = [], maxEndpoints = 100) {
  return planServiceSlices({ service: of, pods, node: nodeOf, existing, maxEndpoints, triggerTime: undefined });
}

let made = 0;
/** As the server would store what a plan creates. */
const stored = (slice: EndpointSlice): EndpointSlice => ({
  ...slice,
  metadata: { ...slice.metadata, name: `web-${++made}`, uid: `s${made}`, resourceVersion: String(made) },
});
const addresses = (slice: EndpointSlice | undefined): string[] => slice?.endpoints?.flatMap((e) => e.addresses) ?? [];

describe("planServiceSlices", () => {
  test("a slice of the selected pods", () => {
    const { create, update, remove } = plan(service({}, { team: "a" }), [pod(1), pod(2, { ready: false })]);
    expect([update, remove]).toEqual([[], []]);
    expect(create).toEqual([
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
          generateName: "web-",
          namespace: "ns",
          labels: {
            team: "a",
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
          },
          ownerReferences: [
            { apiVersion: "v1", kind: "Service", name: "web", uid: "svc", controller: true, blockOwnerDeletion: true },
          ],
        },
        addressType: "IPv4",
        ports: [{ name: "http", port: 8080, protocol: "TCP" }],
        endpoints: [
          {
            addresses: ["10.244.0.1"],
            conditions: { ready: true, serving: true, terminating: false },
            targetRef: { kind: "Pod", namespace: "ns", name: "p1", uid: "u1" },
            nodeName: "n1",
            zone: "z1",
          },
          expect.objectContaining({ conditions: { ready: false, serving: false, terminating: false } }),
        ],
      },
    ]);
  });

  test.each<[string, Partial<NonNullable<Service["spec"]>>, PodMore, object | undefined]>([
    ["terminating and still serving", {}, { going: true }, { ready: false, serving: true, terminating: true }],
    [
      "published before it is ready",
      { publishNotReadyAddresses: true },
      { ready: false },
      { ready: true, serving: false, terminating: false },
    ],
    ["ended", {}, { phase: "Succeeded" }, undefined],
    ["without an address", {}, { ips: [] }, undefined],
  ])("a pod %s", (_what, spec, more, conditions) => {
    const subject = pod(1, more);
    if (more.ips?.length === 0) delete subject.status?.podIP;
    expect(plan(service(spec), [subject]).create[0]?.endpoints?.[0]?.conditions).toEqual(conditions);
  });

  test("nothing to do when all is shown", () => {
    const pods = [pod(1), pod(2)];
    const existing = plan(service(), pods).create.map(stored);
    expect(plan(service(), pods, existing)).toEqual({ create: [], update: [], remove: [], withoutNode: [] });
  });

  test("without pods one empty slice stands, and is written once", () => {
    const first = plan(service(), []);
    expect(first.create).toMatchObject([{ endpoints: [], ports: [] }]);
    expect(plan(service(), [], first.create.map(stored))).toEqual({
      create: [],
      update: [],
      remove: [],
      withoutNode: [],
    });
  });

  test("more pods than a slice holds", () => {
    const pods = Array.from({ length: 250 }, (_, i) => pod(i + 1, { ips: [`10.244.${i >> 8}.${i & 255}`] }));
    expect(plan(service(), pods).create.map((slice) => slice.endpoints?.length)).toEqual([100, 100, 50]);
  });

  test("an endpoint stays in its slice; new ones fill the slice that changes anyway", () => {
    const existing = plan(service(), [pod(1), pod(2), pod(3), pod(4)], [], 2).create.map(stored);
    const { create, update, remove } = plan(service(), [pod(1), pod(3), pod(4), pod(5)], existing, 2);
    expect([create, remove]).toEqual([[], []]);
    expect(update.map(addresses)).toEqual([["10.244.0.1", "10.244.0.5"]]);
  });

  test("the fullest slice with room takes what is new, no other is touched", () => {
    const [a, b] = [stored(plan(service(), [pod(1)]).create[0]!), stored(plan(service(), [pod(2), pod(3)]).create[0]!)];
    const { create, update } = plan(service(), [pod(1), pod(2), pod(3), pod(4)], [a, b], 4);
    expect(create).toEqual([]);
    expect(update.map(addresses)).toEqual([["10.244.0.2", "10.244.0.3", "10.244.0.4"]]);
  });

  test("changed labels of the Service reach its slices, others' annotations stay", () => {
    const [slice] = plan(service(), [pod(1)]).create.map(stored);
    slice!.metadata!.annotations = { mine: "1" };
    const { update } = plan(service({}, { tier: "b" }), [pod(1)], [slice!]);
    expect(update[0]?.metadata).toMatchObject({
      name: slice?.metadata?.name,
      labels: { tier: "b" },
      annotations: { mine: "1" },
    });
  });

  test("pods whose named port differs have slices of their own", () => {
    const named = service({ ports: [{ name: "http", port: 80, targetPort: "web", protocol: "TCP" }] });
    const other = pod(2, { spec: { containers: [{ name: "c", ports: [{ name: "web", containerPort: 9000 }] }] } });
    expect(plan(named, [pod(1), other]).create.map((slice) => slice.ports?.[0]?.port)).toEqual([8443, 9000]);
  });

  test("both families, and no more slices of one the Service gave up", () => {
    const dual = service({ ipFamilies: ["IPv4", "IPv6"] });
    const pods = [pod(1, { ips: ["10.244.0.1", "fd00::1"] })];
    const existing = plan(dual, pods).create.map(stored);
    expect(existing.map((slice) => [slice.addressType, addresses(slice)])).toEqual([
      ["IPv4", ["10.244.0.1"]],
      ["IPv6", ["fd00::1"]],
    ]);
    expect(plan(service(), pods, existing).remove.map(({ addressType }) => addressType)).toEqual(["IPv6"]);
  });

  test("a headless Service: label, host name", () => {
    const headless = service({ clusterIP: "None" }, { "service.kubernetes.io/headless": "no" });
    const { create } = plan(headless, [
      pod(1, { spec: { hostname: "a", subdomain: "web" } }),
      pod(2, { spec: { hostname: "b" } }),
    ]);
    expect(create[0]?.metadata?.labels?.["service.kubernetes.io/headless"]).toBe("");
    expect(create[0]?.endpoints?.map(({ hostname }) => hostname)).toEqual(["a", undefined]);
  });

  test("a pod on an unknown node waits, unless unready ones are published as well", () => {
    const lost = pod(1, { spec: { nodeName: "n9" } });
    expect(plan(service(), [lost])).toMatchObject({ withoutNode: [lost], create: [{ endpoints: [] }] });
    expect(plan(service({ publishNotReadyAddresses: true }), [lost]).create[0]?.endpoints).toHaveLength(1);
  });
});

test("ports: by number, by name, by default the same; protocol and order do not mix up", () => {
  const of = (ports: NonNullable<Service["spec"]>["ports"]) =>
    endpointPorts(service(ports === undefined ? {} : { ports }), pod(1));
  expect(of([{ port: 80 }])).toEqual([{ name: "", port: 80, protocol: "TCP" }]);
  expect(of([{ port: 80, targetPort: "web", protocol: "UDP" }])).toEqual([]);
  expect(
    portsKey([
      { name: "a", port: 1 },
      { name: "b", port: 2 },
    ]),
  ).toBe(
    portsKey([
      { name: "b", port: 2, protocol: "TCP" },
      { name: "a", port: 1 },
    ]),
  );
  expect(portsKey([{ name: "a", port: 1, protocol: "UDP" }])).not.toBe(portsKey([{ name: "a", port: 1 }]));
});

test.each([
  [undefined, undefined],
  ["PreferClose", { forZones: [{ name: "z" }] }],
  ["PreferSameZone", { forZones: [{ name: "z" }] }],
  ["PreferSameNode", { forNodes: [{ name: "n" }], forZones: [{ name: "z" }] }],
])("hints for traffic distribution %s", (trafficDistribution, want) => {
  const of = service(trafficDistribution === undefined ? {} : { trafficDistribution });
  const endpoint = { addresses: ["1"], zone: "z", nodeName: "n", conditions: { ready: true } };
  expect(withHints(endpoint, of).hints).toEqual(want);
  expect(withHints({ ...endpoint, conditions: { ready: false } }, of).hints).toBeUndefined();
});

describe("servicesToUpdate", () => {
  const a = service();
  const b: Service = { metadata: { name: "b", namespace: "ns", uid: "b" }, spec: { selector: { app: "other" } } };
  const none: Service = { metadata: { name: "none", namespace: "ns", uid: "none" }, spec: {} };
  const relabeled: Pod = { ...pod(1), metadata: { ...pod(1).metadata, labels: { app: "other" } } };
  const names = (old: Pod | undefined, next: Pod) =>
    servicesToUpdate(new ServiceSelectors(), [a, b, none], old, next).map(({ metadata }) => metadata?.name);

  test.each<[string, Pod | undefined, Pod, string[]]>([
    ["a new pod", undefined, pod(1), ["web"]],
    ["a heartbeat", pod(1), { ...pod(1), metadata: { ...pod(1).metadata, resourceVersion: "9" } }, []],
    ["became unready", pod(1), pod(1, { ready: false }), ["web"]],
    ["changed sides", pod(1), relabeled, ["web", "b"]],
  ])("%s", (_what, old, next, want) => expect(names(old, next)).toEqual(want));
});

test("the tracker waits for the cache to show own writes", () => {
  const clock = new FakeClock();
  const tracker = new SliceTracker(clock);
  const slice = (uid: string, resourceVersion: string): EndpointSlice => ({
    metadata: { name: uid, uid, resourceVersion },
    addressType: "IPv4",
  });
  expect(tracker.isStale("k", [])).toBe(false);
  tracker.written("k", slice("a", "10"));
  expect(tracker.isStale("k", [])).toBe(true);
  expect(tracker.isForeign("k", slice("a", "10"))).toBe(false);
  expect(tracker.isForeign("k", slice("a", "11"))).toBe(true);
  expect(tracker.isStale("k", [slice("a", "9")])).toBe(true);
  expect(tracker.isStale("k", [slice("a", "10")])).toBe(false);
  tracker.removed("k", slice("a", "10"));
  expect(tracker.isStale("k", [slice("a", "10")])).toBe(true);
  expect(tracker.gone("k", slice("a", "10"))).toBe(false);
  expect(tracker.isStale("k", [])).toBe(false);
  expect(tracker.gone("k", slice("b", "1"))).toBe(true);
});

test("trigger times: the first change since the last look, the Service's birth at first", () => {
  const times = new TriggerTimes();
  const at = (n: number, time: string): Pod => {
    const of = pod(n);
    of.status!.conditions = [{ type: "Ready", status: "True", lastTransitionTime: time }];
    return of;
  };
  const look = (...pods: Pod[]) => times.next(service(), pods);
  expect(look(at(1, "2026-11-24T09:00:00Z"))).toBe(Date.parse("2026-11-24T10:00:00Z"));
  expect(look(at(1, "2026-11-24T09:00:00Z"))).toBeUndefined();
  expect(look(at(1, "2026-11-24T10:00:09Z"), at(2, "2026-11-24T10:00:05Z"))).toBe(Date.parse("2026-11-24T10:00:05Z"));
});
