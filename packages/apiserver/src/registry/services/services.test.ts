import { describe, expect, it } from "vitest";
import { IpRange } from "./ip-range.ts";
import { openMemoryStore } from "@knots/store";
import { Pool } from "./pool.ts";
import { PortClaims } from "./port-claims.ts";
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
  const op = { dryRun: false };
  const allocator = (): ServiceAllocator => new ServiceAllocator("10.96.0.0/24", "30000-30010");

  it("gives an address and a node port", async () => {
    const made = service({ type: "NodePort", ports: [{ port: 80, protocol: "TCP" }] });
    await allocator().beforeCreate(made, op);
    expect(made.spec?.clusterIP).toMatch(/^10\.96\.0\.\d+$/);
    expect(made.spec?.clusterIPs).toEqual([made.spec?.clusterIP]);
    expect(made.spec?.ipFamilies).toEqual(["IPv4"]);
    expect(made.spec?.ports?.[0]?.nodePort).toBeGreaterThanOrEqual(30000);
  });

  it("refuses an address that is taken or outside", async () => {
    const all = allocator();
    await all.beforeCreate(service({ type: "ClusterIP", clusterIP: "10.96.0.10", ports: [{ port: 80 }] }), op);
    await expect(
      all.beforeCreate(service({ type: "ClusterIP", clusterIP: "10.96.0.10", ports: [{ port: 80 }] }), op),
    ).rejects.toThrow("provided IP is already allocated");
    await expect(
      all.beforeCreate(service({ type: "ClusterIP", clusterIP: "10.1.0.10", ports: [{ port: 80 }] }), op),
    ).rejects.toThrow("is not in the valid range");
  });

  it("gives back what a failed write took", async () => {
    const all = allocator();
    const release = await all.beforeCreate(
      service({ type: "ClusterIP", clusterIP: "10.96.0.11", ports: [{ port: 80 }] }),
      op,
    );
    await release();
    await expect(
      all.beforeCreate(service({ type: "ClusterIP", clusterIP: "10.96.0.11", ports: [{ port: 80 }] }), op),
    ).resolves.toBeDefined();
  });

  it("leaves headless and external services alone", async () => {
    const headless = service({ type: "ClusterIP", clusterIP: "None", ports: [{ port: 80 }] });
    await allocator().beforeCreate(headless, op);
    expect(headless.spec?.clusterIPs).toEqual(["None"]);
    const external = service({ type: "ExternalName", externalName: "example.com" });
    await allocator().beforeCreate(external, op);
    expect(external.spec?.clusterIP).toBeUndefined();
  });

  it("keeps what was allocated when an update leaves it out, and gives node ports back to ClusterIP", async () => {
    const all = allocator();
    const old = service({ type: "NodePort", ports: [{ port: 80, protocol: "TCP" }] });
    await all.beforeCreate(old, op);
    const same = service({ type: "NodePort", ports: [{ port: 80, protocol: "TCP" }] });
    await all.beforeUpdate(same, old, op);
    expect(same.spec?.clusterIP).toBe(old.spec?.clusterIP);
    expect(same.spec?.ports?.[0]?.nodePort).toBe(old.spec?.ports?.[0]?.nodePort);
    const plain = service({ ...structuredClone(old.spec), type: "ClusterIP" });
    await all.beforeUpdate(plain, old, op);
    expect(plain.spec?.ports?.[0]?.nodePort).toBeUndefined();
  });

  it("lets a service use one node port for several protocols, and no other service for any", async () => {
    const all = allocator();
    const dns = service({
      type: "NodePort",
      ports: [
        { name: "udp", port: 53, protocol: "UDP" },
        { name: "tcp", port: 53, protocol: "TCP", nodePort: 30_005 },
      ],
    });
    await all.beforeCreate(dns, op);
    expect(dns.spec?.ports?.map(({ nodePort }) => nodePort)).toEqual([30_005, 30_005]);
    const other = service({ type: "NodePort", ports: [{ port: 80, protocol: "SCTP", nodePort: 30_005 }] });
    await expect(all.beforeCreate(other, op)).rejects.toThrow("provided port is already allocated");
  });
});

describe("PortClaims", () => {
  it("lets one of several servers have a port, and gives back what nobody had for three rounds", async () => {
    await using store = openMemoryStore();
    const [one, two] = [1, 2].map(() => new PortClaims(store, 30_000, 30_010)) as [PortClaims, PortClaims];
    const ports = Array.from({ length: 11 }, (_, i) => 30_000 + i);
    const claims = await Promise.all(ports.flatMap((port) => [one.claim(port), two.claim(port)]));
    for (const [i] of ports.entries()) expect([claims[2 * i], claims[2 * i + 1]].filter(Boolean)).toHaveLength(1);
    await two.release(30_003);
    expect(await one.claim(30_003)).toBe(true);
    const held = new Set(ports.filter((port) => port !== 30_007));
    for (let round = 1; round <= 2; round++) await one.repair(held);
    expect(await two.claim(30_007)).toBe(false);
    await one.repair(held);
    expect(await two.claim(30_007)).toBe(true);
  });

  it("marks what services have", async () => {
    await using store = openMemoryStore();
    await new PortClaims(store, 30_000, 30_010).repair(new Set([30_004, 40_000]));
    const other = new PortClaims(store, 30_000, 30_010);
    expect(await other.claim(30_004)).toBe(false);
    expect(await other.claim(30_005)).toBe(true);
    const kept = JSON.parse(
      new TextDecoder().decode((await store.get("/registry/ranges/servicenodeports"))?.value),
    ) as {
      kind: string;
      range: string;
      data: string;
    };
    expect(kept).toMatchObject({ kind: "RangeAllocation", range: "30000-30010" });
    expect([...Buffer.from(kept.data, "base64")]).toEqual([0b110000, 0]);
  });
});
