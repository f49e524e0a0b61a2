import { describe, expect, it } from "vitest";
import { statusPatch } from "./status-patch.ts";

const mine = new Set(["Ready"]);

describe("statusPatch", () => {
  it("is undefined when nothing of the kubelet's differs", () => {
    const current = {
      phase: "Running",
      nominatedNodeName: "x",
      conditions: [
        { type: "Ready", status: "True", lastProbeTime: null as never },
        { type: "Custom", status: "True" },
      ],
    };
    expect(
      statusPatch(current, { phase: "Running", conditions: [{ type: "Ready", status: "True" }] }, mine),
    ).toBeUndefined();
  });

  it("names only what changed and leaves foreign conditions alone", () => {
    const patch = statusPatch(
      {
        phase: "Pending",
        startTime: "t",
        conditions: [{ type: "Ready", status: "False", reason: "ContainersNotReady" }],
      },
      {
        phase: "Running",
        startTime: "t",
        conditions: [
          { type: "Ready", status: "True" },
          { type: "Custom", status: "False" },
        ],
      },
      mine,
    );
    expect(patch).toEqual({
      phase: "Running",
      "$setElementOrder/conditions": [{ type: "Ready" }, { type: "Custom" }],
      conditions: [{ type: "Ready", status: "True", reason: null, message: null }],
    });
  });

  it("replaces lists that would be merged, and takes fields away", () => {
    const patch = statusPatch(
      { podIP: "1", podIPs: [{ ip: "1" }], reason: "Evicted" },
      { podIP: "2", podIPs: [{ ip: "2" }] },
      mine,
    );
    expect(patch).toEqual({ podIP: "2", podIPs: [{ ip: "2" }, { $patch: "replace" }], reason: null });
  });
});
