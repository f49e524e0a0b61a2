import { describe, expect, it } from "vitest";
import { localPriority, sortByPriority } from "./priorities.ts";

const entry = (group: string, version: string, priority = localPriority(group, version)) => ({
  group,
  version,
  priority,
});

describe("sortByPriority", () => {
  it("puts the group of APIServices first, built-in groups next, others by their figures and names", () => {
    const sorted = sortByPriority([
      entry("b.example.com", "v1"),
      entry("a.example.com", "v1"),
      entry("apps", "v1"),
      entry("apiregistration.k8s.io", "v1"),
      entry("first.example.com", "v1", { group: 20_000, version: 1 }),
      entry("apiextensions.k8s.io", "v1"),
      entry("admissionregistration.k8s.io", "v1"),
    ]);
    expect(sorted.map(({ group }) => group)).toEqual([
      "apiregistration.k8s.io",
      "first.example.com",
      "apps",
      "admissionregistration.k8s.io",
      "apiextensions.k8s.io",
      "a.example.com",
      "b.example.com",
    ]);
  });

  it("orders versions by priority, equal ones as Kubernetes orders version names", () => {
    const sorted = sortByPriority([
      entry("x.example.com", "v1beta1"),
      entry("x.example.com", "v10"),
      entry("x.example.com", "v2"),
      entry("x.example.com", "v1alpha1", { group: 1000, version: 200 }),
      entry("autoscaling", "v1"),
      entry("autoscaling", "v2"),
    ]);
    expect(sorted.map(({ versions }) => versions.map(({ version }) => version))).toEqual([
      ["v2", "v1"],
      ["v1alpha1", "v10", "v2", "v1beta1"],
    ]);
  });
});
