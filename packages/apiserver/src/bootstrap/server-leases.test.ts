import { FakeClock } from "@knots/machinery";
import { openMemoryStore } from "@knots/store";
import { describe, expect, it } from "vitest";
import { kubernetesEndpoints } from "./endpoint-reconciler.ts";
import { isExpired, serverIdentity } from "./identity-lease.ts";
import { StoredServerLeases } from "./server-leases.ts";

describe("StoredServerLeases", () => {
  it("forgets a server that does not renew", async () => {
    const clock = new FakeClock();
    await using store = openMemoryStore({ clock });
    const leases = new StoredServerLeases(store);
    await leases.renew("192.0.2.1");
    await leases.renew("192.0.2.2");
    await clock.advance(10_000);
    await leases.renew("192.0.2.1");
    expect(await leases.list()).toEqual(["192.0.2.1", "192.0.2.2"]);
    // The store in memory looks for what has ended each ten seconds.
    await clock.advance(10_000);
    expect(await leases.list()).toEqual(["192.0.2.1"]);
    await leases.remove("192.0.2.1");
    expect(await leases.list()).toEqual([]);
  });
});

describe("kubernetesEndpoints", () => {
  it("is the same in whatever order servers are found", () => {
    const made = kubernetesEndpoints(["192.0.2.2", "192.0.2.1"], 6443);
    expect(made).toEqual(kubernetesEndpoints(["192.0.2.1", "192.0.2.2"], 6443));
    expect(made.endpoints).toEqual({
      subsets: [
        {
          addresses: [{ ip: "192.0.2.1" }, { ip: "192.0.2.2" }],
          ports: [{ name: "https", port: 6443, protocol: "TCP" }],
        },
      ],
    });
    expect(kubernetesEndpoints(["fd00::1"], 1).slice.addressType).toBe("IPv6");
  });
});

describe("identity leases", () => {
  it("are named by the host", () => {
    expect(serverIdentity("a")).toMatch(/^apiserver-[a-z2-7]{26}$/);
    // sha256("a") begins with ca 97 81 12 ca 1b bd ca fa c2 31 b3 9a 23 dc 4d.
    expect(serverIdentity("a")).toBe("apiserver-zklycewkdo64v6wcggzzui64ju");
    expect(serverIdentity("b")).not.toBe(serverIdentity("a"));
  });

  it("end when nobody renews them", () => {
    const spec = { renewTime: "2025-01-01T00:00:00.000000Z", leaseDurationSeconds: 3600 };
    const at = Date.parse("2025-01-01T01:00:00Z");
    expect(isExpired({ spec }, at)).toBe(false);
    expect(isExpired({ spec }, at + 1)).toBe(true);
    expect(isExpired({ spec: {} }, 0)).toBe(true);
  });
});
