import { describe, expect, test } from "vitest";
import type { Node } from "@knots/api/core/v1";
import { cniConfig } from "./cni-config.ts";
import { masqueradeRules } from "./masquerade.ts";
import { parseRoutes, routeCommands, wantedRoutes } from "./routes.ts";

function node(name: string, podCIDR: string | undefined, address: string | undefined): Node {
  return {
    metadata: { name },
    spec: podCIDR === undefined ? {} : { podCIDR, podCIDRs: [podCIDR] },
    status: address === undefined ? {} : { addresses: [{ type: "InternalIP", address }] },
  } as Node;
}

describe("routes", () => {
  test("lead to every other node that has a pod CIDR and an address", () => {
    const all = [
      node("a", "10.244.0.0/24", "10.0.0.2"),
      node("b", "10.244.1.0/24", "10.0.0.3"),
      node("c", undefined, "10.0.0.4"),
      node("d", "10.244.3.0/24", undefined),
    ];
    expect(wantedRoutes(all, "a")).toEqual(new Map([["10.244.1.0/24", "10.0.0.3"]]));
  });

  test("change by the fewest commands", () => {
    const have = parseRoutes(
      '[{"dst":"10.244.1.0/24","gateway":"10.0.0.3"},{"dst":"10.244.9.0/24","gateway":"10.0.0.9"}]',
    );
    const want = new Map([
      ["10.244.1.0/24", "10.0.0.3"],
      ["10.244.2.0/24", "10.0.0.4"],
    ]);
    expect(routeCommands(have, want)).toEqual([
      "route replace 10.244.2.0/24 via 10.0.0.4 proto 75",
      "route del 10.244.9.0/24 proto 75",
    ]);
    expect(routeCommands(want, want)).toEqual([]);
    expect(parseRoutes("")).toEqual(new Map());
  });
});

describe("configuration", () => {
  test("keeps a node's addresses in its own folder", () => {
    const config = JSON.parse(cniConfig({ networkName: "n", podCIDR: "10.244.1.0/24", dataDir: "/d", mtu: 1500 })) as {
      name: string;
      plugins: { type: string; ipam?: { dataDir: string } }[];
    };
    expect(config.name).toBe("n");
    expect(config.plugins.map((plugin) => plugin.type)).toEqual(["ptp", "portmap"]);
    expect(config.plugins[0]?.ipam?.dataDir).toBe("/d");
  });

  test("masquerades only what leaves the pod network", () => {
    expect(masqueradeRules("10.244.1.0/24", "10.244.0.0/16")).toContain(
      'ip saddr 10.244.1.0/24 ip daddr != 10.244.0.0/16 oifname != "lo" masquerade',
    );
  });
});
