import type { Pod } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { rankForEviction } from "./rank.ts";
import { crossed, pressureOf } from "./signals.ts";

describe("eviction signals", () => {
  it("crosses quantities and percentages, strictly below", () => {
    const thresholds = { "memory.available": "100Mi", "nodefs.available": "10%" };
    const seen = (memory: number, disk: number) => ({
      "memory.available": { available: memory, capacity: 2 ** 30 },
      "nodefs.available": { available: disk, capacity: 1000 },
      "pid.available": { available: 0, capacity: 10 },
    });
    expect(crossed(thresholds, seen(100 * 2 ** 20, 100))).toEqual([]);
    expect(crossed(thresholds, seen(100 * 2 ** 20 - 1, 99))).toEqual(["memory.available", "nodefs.available"]);
  });

  it("tells the conditions", () => {
    expect(pressureOf(["imagefs.inodesFree"])).toEqual({ memory: false, disk: true, pid: false });
    expect(pressureOf(["memory.available", "pid.available"])).toEqual({ memory: true, disk: false, pid: true });
  });
});

describe("rankForEviction", () => {
  const pod = (name: string, request: string | undefined, priority = 0, annotations = {}): Pod => ({
    metadata: { name, annotations },
    spec: {
      priority,
      containers: [{ name: "a", ...(request === undefined ? {} : { resources: { requests: { memory: request } } }) }],
    },
  });

  it("takes those above their request first, the least important, then the greediest; never critical ones", () => {
    const order = rankForEviction(
      [
        { pod: pod("within", "100Mi"), usage: 10 },
        { pod: pod("important", undefined, 100), usage: 2 ** 30 },
        { pod: pod("greedy", "1Mi"), usage: 2 ** 30 },
        { pod: pod("modest", undefined), usage: 2 ** 20 },
        { pod: pod("critical", undefined, 2_000_000_000), usage: 2 ** 30 },
        { pod: pod("static", undefined, 0, { "kubernetes.io/config.source": "file" }), usage: 2 ** 30 },
      ],
      "memory",
    );
    expect(order.map((each) => each.metadata?.name)).toEqual(["greedy", "modest", "important", "within"]);
  });
});
