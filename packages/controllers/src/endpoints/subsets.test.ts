import type { EndpointSubset, Pod, Service } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import { desiredEndpoints } from "./controller.ts";
import { endpointSubsets, truncateSubsets } from "./subsets.ts";

const service = (spec: Partial<NonNullable<Service["spec"]>> = {}): Service => ({
  metadata: { name: "web", namespace: "ns", uid: "svc", labels: { a: "b" } },
  spec: {
    selector: { app: "web" },
    clusterIP: "10.96.0.1",
    ports: [
      { name: "https", port: 443, targetPort: 8443, protocol: "TCP" },
      { name: "http", port: 80, targetPort: "web", protocol: "TCP" },
    ],
    ...spec,
  },
});

const pod = (n: number, ready = true, ports = [{ name: "web", containerPort: 8080 }]): Pod => ({
  metadata: { name: `p${n}`, namespace: "ns", uid: `u${n}`, labels: { app: "web" } },
  spec: { nodeName: "n1", containers: [{ name: "c", ports }] },
  status: {
    phase: "Running",
    podIP: `10.244.0.${n}`,
    conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
  },
});
const ips = (list: EndpointSubset["addresses"]) => list?.map(({ ip }) => ip);

describe("endpointSubsets", () => {
  test("ports with the same addresses share a subset, ready and not ready apart", () => {
    const subsets = endpointSubsets(service(), [pod(2), pod(1), pod(3, false)]);
    expect(subsets).toHaveLength(1);
    expect(ips(subsets[0]?.addresses)).toEqual(["10.244.0.1", "10.244.0.2"]);
    expect(ips(subsets[0]?.notReadyAddresses)).toEqual(["10.244.0.3"]);
    expect(subsets[0]?.ports).toEqual([
      { name: "http", port: 8080, protocol: "TCP" },
      { name: "https", port: 8443, protocol: "TCP" },
    ]);
    expect(subsets[0]?.addresses?.[0]).toEqual({
      ip: "10.244.0.1",
      nodeName: "n1",
      targetRef: { kind: "Pod", namespace: "ns", name: "p1", uid: "u1" },
    });
  });

  test("a port that only some pods have is a subset of its own", () => {
    const subsets = endpointSubsets(service(), [pod(1), pod(2, true, [])]);
    expect(subsets.map(({ addresses, ports }) => [ips(addresses), ports?.map(({ name }) => name)])).toEqual([
      [["10.244.0.1"], ["http"]],
      [["10.244.0.1", "10.244.0.2"], ["https"]],
    ]);
  });

  test("a headless Service without ports shows addresses alone", () => {
    expect(endpointSubsets(service({ clusterIP: "None", ports: [] }), [pod(1)])).toMatchObject([
      { addresses: [{ ip: "10.244.0.1" }] },
    ]);
    expect(endpointSubsets(service({ ports: [] }), [pod(1)])).toEqual([]);
  });
});

test("truncation keeps ready addresses first", () => {
  const addresses = Array.from({ length: 3 }, (_, i) => ({ ip: `10.0.0.${i}` }));
  const subsets = [{ addresses, notReadyAddresses: addresses }, { notReadyAddresses: addresses }];
  const count = (max: number) => {
    const result = truncateSubsets(subsets, max);
    const sum = (key: "addresses" | "notReadyAddresses") =>
      result.subsets.reduce((n, s) => n + (s[key]?.length ?? 0), 0);
    return [sum("addresses"), sum("notReadyAddresses"), result.truncated];
  };
  expect(count(9)).toEqual([3, 6, false]);
  expect(count(5)).toEqual([3, 2, true]);
  expect(count(2)).toEqual([2, 0, true]);
});

test("desiredEndpoints writes only what changed, and says when it truncated", () => {
  const first = desiredEndpoints(service(), [pod(1)], undefined, "2026-11-24T10:00:00Z");
  expect(first?.metadata).toMatchObject({
    name: "web",
    labels: { a: "b", "endpoints.kubernetes.io/managed-by": "endpoint-controller" },
    annotations: { "endpoints.kubernetes.io/last-change-trigger-time": "2026-11-24T10:00:00Z" },
  });
  expect(desiredEndpoints(service(), [pod(1)], first, undefined)).toBeUndefined();
  const many = Array.from({ length: 1001 }, (_, i) => pod(i));
  const over = desiredEndpoints(service(), many, first, undefined);
  expect(over?.metadata?.annotations).toEqual({ "endpoints.kubernetes.io/over-capacity": "truncated" });
  expect(desiredEndpoints(service(), [pod(1)], over, undefined)?.metadata?.annotations).toEqual({});
});
