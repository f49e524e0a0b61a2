// Budgets, priorities, ranges of Services and APIServices: what upstream says of them, word by word.
import { describe, expect, it } from "vitest";
import { createMessages, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const messages = (resource: string, body: object, name = "n"): string[] => {
  const info = infoOf(resource);
  return createMessages(info, { metadata: { name, ...(info.namespaced ? { namespace: "default" } : {}) }, ...body });
};
const change = (resource: string, body: object, edit: (obj: Loose) => void, subresource = "") => {
  const info = infoOf(resource);
  const metadata = { name: "n", ...(info.namespaced ? { namespace: "default" } : {}) };
  return updated(info, created(info, { metadata, ...body }), edit, subresource);
};

describe("PodDisruptionBudget", () => {
  const bad = { matchExpressions: [{ key: "k", operator: "In", values: ["-"] }] };

  it("shows its spec as upstream's inner type is", () => {
    expect(
      messages("poddisruptionbudgets", {
        spec: { minAvailable: 1, maxUnavailable: "101%", unhealthyPodEvictionPolicy: "" },
      }),
    ).toEqual([
      'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":"101%","UnhealthyPodEvictionPolicy":""}: minAvailable and maxUnavailable cannot be both set',
      'spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
      'spec.unhealthyPodEvictionPolicy: Unsupported value: "": supported values: "AlwaysAllow", "IfHealthyBudget"',
    ]);
  });

  it("keeps a selector that no label can match", () => {
    expect(messages("poddisruptionbudgets", { spec: { selector: bad } })).toHaveLength(1);
    const { messages: none } = change("poddisruptionbudgets", { spec: { selector: bad } }, (budget) => {
      budget.spec.minAvailable = 2;
    });
    expect(none).toEqual([]);
  });
});

it("a PriorityClass preempts or does not", () => {
  expect(messages("priorityclasses", { value: 1, preemptionPolicy: "x" })).toEqual([
    'preemptionPolicy: Unsupported value: "x": supported values: "PreemptLowerPriority", "Never"',
  ]);
});

describe("ServiceCIDR", () => {
  const to = (before: string[], after: string[]): string[] =>
    change("servicecidrs", { spec: { cidrs: before } }, (each) => (each.spec.cidrs = after)).messages;

  it.each<[string[], string[], string[]]>([
    [["10.0.0.0/16"], ["10.0.0.0/16"], []],
    [["10.0.0.0/16"], ["10.0.0.0/16", "fd00::/64"], []],
    [["10.0.0.0/16"], ["10.1.0.0/16"], ['spec.cidrs[0]: Invalid value: "10.1.0.0/16": field is immutable']],
    [["10.0.0.0/16"], ["fd00::/64", "10.0.0.0/16"], ['spec.cidrs[0]: Invalid value: "fd00::/64": field is immutable']],
    [
      ["10.0.0.0/16"],
      ["10.0.0.0/16", "10.1.0.0/16"],
      [
        'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/16","10.1.0.0/16"]}: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
      ],
    ],
    [["10.0.0.0/16", "fd00::/64"], ["10.0.0.0/16"], ['spec.cidrs: Invalid value: ["10.0.0.0/16"]: field is immutable']],
  ])("%j to %j", (before, after, expected) => {
    expect(to(before, after)).toEqual(expected);
  });
});

describe("APIService", () => {
  const priorities = { groupPriorityMinimum: 1, versionPriority: 1 };
  const of = (spec: object, name: string): string[] =>
    messages("apiservices", { spec: { ...priorities, ...spec } }, name).map((text) =>
      text.replace(/(: a (?:lowercase RFC|DNS-1035)).*/, "$1"),
    );

  it.each<[object, string, string[]]>([
    [{ group: "a.io", version: "v1" }, "v1.a.io", []],
    [{ version: "v1" }, "v1.", []],
    [
      { group: "a.io", version: "v1" },
      "v1.b.io",
      ['metadata.name: Invalid value: "v1.b.io": must be `spec.version+"."+spec.group`: "v1.a.io"'],
    ],
    [
      { version: "v2", groupPriorityMinimum: 0, versionPriority: 1001 },
      "v2.",
      [
        "spec.group: Required value: only v1 may have an empty group and it better be legacy kube",
        "spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000",
        "spec.versionPriority: Invalid value: 1001: must be positive and less than 1000",
      ],
    ],
    [
      { group: "A", version: "" },
      ".A",
      ['spec.group: Invalid value: "A": a lowercase RFC', 'spec.version: Invalid value: "": a DNS-1035'],
    ],
    [
      { group: "a.io", version: "v1", caBundle: "AAAA", insecureSkipTLSVerify: true },
      "v1.a.io",
      [
        'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
        "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify",
      ],
    ],
    [
      { group: "a.io", version: "v1", service: { port: 70_000 }, caBundle: "AAAA", insecureSkipTLSVerify: true },
      "v1.a.io",
      [
        "spec.service.namespace: Required value",
        "spec.service.name: Required value",
        "spec.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive",
        "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present",
      ],
    ],
  ])("%j as %s", (spec, name, expected) => {
    expect(of(spec, name)).toEqual(expected);
  });

  it("has conditions that are true, false or unknown, and keeps its labels with a status", () => {
    const { next, messages: found } = change(
      "apiservices",
      { spec: { ...priorities, group: "a.io", version: "v1" } },
      (each) => {
        each.metadata.labels = { a: "b" };
        each.status = { conditions: [{ type: "Available", status: "Maybe" }] };
      },
      "status",
    );
    expect(next.metadata.labels).toBeUndefined();
    expect(found).toEqual([
      'status.conditions[0].status: Unsupported value: "Maybe": supported values: "True", "False", "Unknown"',
    ]);
  });
});
