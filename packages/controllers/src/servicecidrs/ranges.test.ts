import type { IPAddress, ServiceCIDR } from "@knots/api/networking/v1";
import { expect, test } from "vitest";
import { canBeDeleted, contains, overlap } from "./ranges.ts";

const range = (name: string, cidrs: string[], deletionTimestamp?: string): ServiceCIDR => ({
  metadata: { name, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
  spec: { cidrs },
});
const address = (name: string, managedBy = "ipallocator.k8s.io"): IPAddress => ({
  metadata: { name, labels: { "ipaddress.kubernetes.io/managed-by": managedBy } },
  spec: { parentRef: { resource: "services", name: "s" } },
});

test.each([
  ["10.0.0.0/16", "10.0.1.0/24", true],
  ["10.0.1.0/24", "10.0.0.0/16", true],
  ["10.0.0.0/16", "10.1.0.0/16", false],
  ["fd00::/64", "fd00::1:0/112", true],
  ["fd00::/64", "10.0.0.0/8", false],
  ["nonsense", "10.0.0.0/8", false],
])("%s and %s share addresses: %s", (a, b, expected) => expect(overlap(a, b)).toBe(expected));

test("an address lies in ranges of its own family", () => {
  expect(contains("10.0.0.0/24", "10.0.0.255")).toBe(true);
  expect(contains("10.0.0.0/24", "10.0.1.0")).toBe(false);
  expect(contains("10.0.0.0/24", "fd00::1")).toBe(false);
  expect(contains("10.0.0.0/24", "")).toBe(false);
});

test.each<[string, ServiceCIDR[], IPAddress[], boolean]>([
  ["nobody uses it", [], [], true],
  ["others' addresses do not count", [], [address("10.9.0.1"), address("10.0.0.5", "somebody")], true],
  ["an address would be left", [], [address("10.0.0.5")], false],
  ["another range has that address", [range("b", ["10.0.0.0/28"])], [address("10.0.0.5")], true],
  ["another range has some", [range("b", ["10.0.0.0/28"])], [address("10.0.0.5"), address("10.0.0.20")], false],
  ["another range has it all", [range("b", ["10.0.0.0/8"])], [address("10.0.0.20")], true],
  ["the other range goes too", [range("b", ["10.0.0.0/8"], "2025-01-01T00:00:00Z")], [address("10.0.0.20")], false],
])("%s", (_title, others, addresses, expected) => {
  const own = range("a", ["10.0.0.0/24"], "2025-01-01T00:00:00Z");
  expect(canBeDeleted(own, [own, ...others], addresses)).toBe(expected);
});
