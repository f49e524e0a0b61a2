import type { ResourceClaim } from "@knots/api/resource/v1";
import { expect, test } from "vitest";
import { readinessOf } from "./wait-for-devices.ts";

const ALLOCATED = "2026-01-01T00:00:00Z";
const at = (seconds: number): number => Date.parse(ALLOCATED) + seconds * 1000;

function claim(conditions: Record<string, "True" | "False">, of: object = {}, device = "d"): ResourceClaim {
  const place = { driver: "drv", pool: "p" };
  return {
    metadata: { namespace: "ns", name: "c" },
    spec: {},
    status: {
      allocation: {
        allocationTimestamp: ALLOCATED,
        devices: {
          results: [
            {
              request: "r",
              ...place,
              device: "d",
              bindingConditions: ["a", "b"],
              bindingFailureConditions: ["f"],
              ...of,
            },
          ],
        },
      },
      devices: [
        {
          ...place,
          device,
          conditions: Object.entries(conditions).map(([type, status]) => ({
            type,
            status,
            reason: "Because",
            message: "of it",
            lastTransitionTime: ALLOCATED,
          })),
        },
      ],
    },
  };
}

test.each<[string, ResourceClaim, number, unknown]>([
  ["nothing is said", claim({}), 10, "waiting"],
  ["one is true", claim({ a: "True" }), 10, "waiting"],
  ["one is false", claim({ a: "True", b: "False" }), 10, "waiting"],
  ["all are true", claim({ a: "True", b: "True" }), 10, "ready"],
  ["all are true of another device", claim({ a: "True", b: "True" }, {}, "e"), 10, "waiting"],
  ["nothing is to be waited for", claim({}, { bindingConditions: [], bindingFailureConditions: [] }), 10, "ready"],
  [
    "it has failed",
    claim({ a: "True", f: "True" }),
    10,
    { failed: 'claim ns/c binding failed: reason=Because, message="of it"' },
  ],
  ["it has not failed", claim({ a: "True", b: "True", f: "False" }), 10, "ready"],
  ["it takes too long", claim({ a: "True" }), 61, { failed: "claim ns/c binding timeout" }],
  ["it took long, and is done", claim({ a: "True", b: "True" }), 61, "ready"],
])("%s", (_name, of, seconds, expected) => {
  expect(readinessOf(of, at(seconds), 60_000)).toEqual(expected);
});
