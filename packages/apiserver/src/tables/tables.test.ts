import type { Pod } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { humanDuration } from "./columns.ts";
import { endpointsTable } from "./core.ts";
import { podSummary } from "./pods.ts";

const NOW = Date.parse("2026-01-01T00:10:00Z");

function pod(status: Pod["status"], spec: Partial<NonNullable<Pod["spec"]>> = {}, metadata: Pod["metadata"] = {}): Pod {
  return { metadata, spec: { containers: [{ name: "a" }, { name: "b" }], ...spec }, status };
}

const container = (name: string, state: object, more: object = {}) => ({
  name,
  ready: false,
  restartCount: 0,
  image: "",
  imageID: "",
  state,
  ...more,
});

describe("humanDuration", () => {
  it.each([
    [-2_500, "<invalid>"],
    [5_000, "5s"],
    [119_000, "119s"],
    [120_000, "2m"],
    [125_000, "2m5s"],
    [11 * 60_000, "11m"],
    [3 * 3600_000, "3h"],
    [3 * 3600_000 + 60_000 * 5, "3h5m"],
    [30 * 3600_000, "30h"],
    [50 * 3600_000, "2d2h"],
    [400 * 86400_000, "400d"],
    [3 * 365 * 86400_000, "3y"],
  ])("%d ms is %s", (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });
});

describe("podSummary", () => {
  it("counts ready containers and restarts", () => {
    const summary = podSummary(
      pod({
        phase: "Running",
        containerStatuses: [
          container("a", { running: {} }, { ready: true }),
          container(
            "b",
            { running: {} },
            { restartCount: 2, lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:05:00Z" } } },
          ),
        ],
      }),
      NOW,
    );
    expect(summary).toEqual({ ready: "1/2", status: "Running", restarts: "2 (5m ago)" });
  });

  it.each<[string, Pod]>([
    ["Pending", pod({ phase: "Pending" })],
    [
      "Init:0/1",
      pod(
        { phase: "Pending", initContainerStatuses: [container("i", { running: {} })] },
        { initContainers: [{ name: "i" }] },
      ),
    ],
    [
      "Init:CrashLoopBackOff",
      pod(
        { phase: "Pending", initContainerStatuses: [container("i", { waiting: { reason: "CrashLoopBackOff" } })] },
        { initContainers: [{ name: "i" }] },
      ),
    ],
    [
      "Init:ExitCode:3",
      pod(
        { phase: "Pending", initContainerStatuses: [container("i", { terminated: { exitCode: 3 } })] },
        { initContainers: [{ name: "i" }] },
      ),
    ],
    [
      "CrashLoopBackOff",
      pod({ phase: "Running", containerStatuses: [container("a", { waiting: { reason: "CrashLoopBackOff" } })] }),
    ],
    [
      "Completed",
      pod({
        phase: "Succeeded",
        containerStatuses: [container("a", { terminated: { exitCode: 0, reason: "Completed" } })],
      }),
    ],
    [
      "NotReady",
      pod({
        phase: "Running",
        containerStatuses: [
          container("a", { terminated: { exitCode: 0, reason: "Completed" } }),
          container("b", { running: {} }, { ready: true }),
        ],
      }),
    ],
    ["Terminating", pod({ phase: "Running" }, {}, { deletionTimestamp: "2026-01-01T00:00:00Z" })],
    ["Unknown", pod({ phase: "Running", reason: "NodeLost" }, {}, { deletionTimestamp: "2026-01-01T00:00:00Z" })],
    ["Evicted", pod({ phase: "Failed", reason: "Evicted" })],
  ])("says %s", (status, given) => {
    expect(podSummary(given, NOW).status).toBe(status);
  });
});

describe("endpoints", () => {
  const ips = (...each: string[]) => each.map((ip) => ({ ip }));
  const ports = (...each: number[]) => each.map((port) => ({ port }));
  it.each([
    [undefined, "<none>"],
    [[{ addresses: ips("1.1.1.1") }], "1.1.1.1"],
    [[{ addresses: ips("1.1.1.1", "::1"), ports: ports(80) }], "1.1.1.1:80,[::1]:80"],
    [
      [{ addresses: ips("1.1.1.1", "1.1.1.2"), ports: ports(80, 81) }, { addresses: ips("1.1.1.3") }],
      "1.1.1.1:80,1.1.1.2:80,1.1.1.1:81 + 2 more...",
    ],
    [
      // As many as no list could hold.
      [
        {
          addresses: Array.from({ length: 20_000 }, () => ({ ip: "1.1.1.1" })),
          ports: Array.from({ length: 20_000 }, (_, i) => ({ port: i + 1 })),
        },
      ],
      "1.1.1.1:1,1.1.1.1:1,1.1.1.1:1 + 399999997 more...",
    ],
  ])("are shown with the first three of them: %#", (subsets, text) => {
    const column = endpointsTable.columns[1];
    expect(column?.cell(subsets === undefined ? {} : { subsets }, NOW)).toBe(text);
  });
});
