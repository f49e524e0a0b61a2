import type { ClusterRole, PolicyRule } from "@knots/api/rbac/v1";
import { expect, test } from "vitest";
import { aggregatedRules } from "./rules.ts";

const rule = (resource: string, ...verbs: string[]): PolicyRule => ({
  verbs,
  apiGroups: [""],
  resources: [resource],
});
const role = (name: string, labels: Record<string, string>, ...rules: PolicyRule[]): ClusterRole => ({
  metadata: { name, labels },
  rules,
});
const sum = (name: string, labels: Record<string, string>, ...selectors: Record<string, string>[]): ClusterRole => ({
  metadata: { name, labels },
  aggregationRule: { clusterRoleSelectors: selectors.map((matchLabels) => ({ matchLabels })) },
});

test.each<[string, ClusterRole, ClusterRole[], PolicyRule[]]>([
  ["nothing selected", sum("a", {}, { x: "1" }), [role("b", {}, rule("pods", "get"))], []],
  [
    "by name, whatever their order",
    sum("a", {}, { x: "1" }),
    [role("c", { x: "1" }, rule("secrets", "get")), role("b", { x: "1" }, rule("pods", "get"))],
    [rule("pods", "get"), rule("secrets", "get")],
  ],
  [
    "a rule that two have is taken once; one with other verbs is another",
    sum("a", {}, { x: "1" }),
    [role("b", { x: "1" }, rule("pods", "get")), role("c", { x: "1" }, rule("pods", "get"), rule("pods", "list"))],
    [rule("pods", "get"), rule("pods", "list")],
  ],
  [
    "several selectors, one after the other",
    sum("a", {}, { y: "1" }, { x: "1" }),
    [role("b", { x: "1" }, rule("pods", "get")), role("c", { y: "1" }, rule("nodes", "get"))],
    [rule("nodes", "get"), rule("pods", "get")],
  ],
  ["an aggregated role among them gives what it has", sum("a", {}, { x: "1" }), [role("b", { x: "1" })], []],
])("%s", (_what, subject, others, want) => {
  expect(aggregatedRules(subject, others)).toEqual(want);
});

test("a role does not feed on itself", () => {
  const self = { ...sum("a", { x: "1" }, { x: "1" }), rules: [rule("pods", "*")] };
  expect(aggregatedRules(self, [self])).toEqual([]);
});
