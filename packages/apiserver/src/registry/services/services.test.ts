import { describe, expect, it } from "vitest";
import { IpRange } from "./ip-range.ts";
import { Pool } from "./pool.ts";
import { ServiceAllocator } from "./service-allocator.ts";
import type { Service } from "@knots/api/core/v1";

function service(spec: Service["spec"]): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "s", namespace: "default" }, spec };
}

describe("IpRange", () => {
  it("counts usable addresses from the first", () => {
    const range = new IpRange("10.96.0.0/28");
    expect(range.size).toBe(14);
    expect(range.at(0)).toBe("10.96.0.1");
    expect(range.offsetOf("10.96.0.14")).toBe(13);
    expect(range.contains("10.96.0.16")).toBe(false);
  });

  it("knows IPv6", () => {
    const range = new IpRange("fd00:1::/112");
    expect(range.at(0)).toBe("fd00:1::1");
    expect(range.offsetOf("fd00:1::ff")).toBe(254);
  });

  it("refuses what is no CIDR", () => {
    expect(() => new IpRange("10.0.0.0")).toThrow("not a CIDR");
  });
});

describe("Pool", () => {
  it("gives each number once and prefers the upper band", () => {
    const pool = new Pool(20);
    const taken = Array.from({ length: 4 }, () => pool.reserveAny() ?? -1);
    expect(new Set(taken).size).toBe(4);
    expect(Math.min(...taken)).toBeGreaterThanOrEqual(16);
    for (let i = 0; i < 16; i++) expect(pool.reserveAny()).toBeLessThan(16);
    expect(pool.reserveAny()).toBeUndefined();
    pool.release(7);
    expect(pool.reserveAny()).toBe(7);
  });
});

describe("ServiceAllocator", () => {
  const allocator = (): ServiceAllocator => new ServiceAllocator("10.96.0.0/24", "30000-30010");

  it("gives an address and a node port", () => {
    const made = service({ type: "NodePort", ports: [{ port: 80, protocol: "TCP" }] });
    allocator().beforeCreate(made);
    expect(made.spec?.clusterIP).toMatch(/^10\.96\.0\.\d+$/);
    expect(made.spec?.clusterIPs).toEqual([made.spec?.clusterIP]);
    expect(made.spec?.ipFamilies).toEqual(["IPv4"]);
    expect(made.spec?.ports?.[0]?.nodePort).toBeGreaterThanOrEqual(30000);
  });

  it("refuses an address that is taken or outside", () => {
    const all = allocator();
    all.beforeCreate(service({ type: "ClusterIP", clusterIP: "10.96.0.10", ports: [{ port: 80 }] }));
    expect(() =>
      all.beforeCreate(service({ type: "ClusterIP", clusterIP: "10.96.0.10", ports: [{ port: 80 }] })),
    ).toThrow("provided IP is already allocated");
    expect(() =>
      all.beforeCreate(service({ type: "ClusterIP", clusterIP: "10.1.0.10", ports: [{ port: 80 }] })),
    ).toThrow("is not in the valid range");
  });

  it("gives back what a failed write took", () => {
    const all = allocator();
    const release = all.beforeCreate(service({ type: "ClusterIP", clusterIP: "10.96.0.11", ports: [{ port: 80 }] }));
    release?.();
    expect(() =>
      all.beforeCreate(service({ type: "ClusterIP", clusterIP: "10.96.0.11", ports: [{ port: 80 }] })),
    ).not.toThrow();
  });

  it("leaves headless and external services alone", () => {
    const headless = service({ type: "ClusterIP", clusterIP: "None", ports: [{ port: 80 }] });
    allocator().beforeCreate(headless);
    expect(headless.spec?.clusterIPs).toEqual(["None"]);
    const external = service({ type: "ExternalName", externalName: "example.com" });
    allocator().beforeCreate(external);
    expect(external.spec?.clusterIP).toBeUndefined();
  });

  it("keeps what was allocated when an update leaves it out, and gives node ports back to ClusterIP", () => {
    const all = allocator();
    const old = service({ type: "NodePort", ports: [{ port: 80, protocol: "TCP" }] });
    all.beforeCreate(old);
    const same = service({ type: "NodePort", ports: [{ port: 80, protocol: "TCP" }] });
    all.beforeUpdate(same, old);
    expect(same.spec?.clusterIP).toBe(old.spec?.clusterIP);
    expect(same.spec?.ports?.[0]?.nodePort).toBe(old.spec?.ports?.[0]?.nodePort);
    const plain = service({ ...structuredClone(old.spec), type: "ClusterIP" });
    all.beforeUpdate(plain, old);
    expect(plain.spec?.ports?.[0]?.nodePort).toBeUndefined();
  });
});
