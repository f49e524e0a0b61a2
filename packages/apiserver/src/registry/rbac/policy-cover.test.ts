import type { PolicyRule } from "@knots/api/rbac/v1";
import { describe, expect, it } from "vitest";
import { uncovered } from "./policy-cover.ts";
import { compactRules, ruleText } from "./policy-text.ts";

const rule = (verbs: string, groups: string, resources: string, names = ""): PolicyRule => ({
  verbs: verbs.split(" "),
  apiGroups: groups.split(" ").map((group) => (group === "-" ? "" : group)),
  resources: resources.split(" "),
  ...(names === "" ? {} : { resourceNames: names.split(" ") }),
});
const url = (verbs: string, urls: string): PolicyRule => ({
  verbs: verbs.split(" "),
  nonResourceURLs: urls.split(" "),
});

/** What is missing, as the message tells it. */
const missing = (held: PolicyRule[], wanted: PolicyRule[]): string[] =>
  compactRules(uncovered(held, wanted)).map(ruleText);

describe("uncovered", () => {
  it.each<[string, PolicyRule[], PolicyRule[], string[]]>([
    ["nothing is wanted", [], [], []],
    ["a rule without verbs grants nothing", [], [{ verbs: [], apiGroups: [""], resources: ["pods"] }], []],
    ["the same rule", [rule("get", "-", "pods")], [rule("get", "-", "pods")], []],
    [
      "pieces come from different rules",
      [rule("get", "-", "pods"), rule("list", "-", "pods"), rule("get list", "apps", "deployments")],
      [rule("get list", "-", "pods"), rule("list", "apps", "deployments")],
      [],
    ],
    [
      "every combination counts",
      [rule("get", "- apps", "pods"), rule("list", "-", "pods")],
      [rule("get list", "- apps", "pods")],
      ['{APIGroups:["apps"], Resources:["pods"], Verbs:["list"]}'],
    ],
    ["stars cover", [rule("*", "*", "*")], [rule("get * made-up", "- apps *", "pods pods/log * */scale")], []],
    [
      "a star is covered by a star alone",
      [rule("get list watch", "-", "pods")],
      [rule("*", "-", "pods")],
      ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}'],
    ],
    ["*/scale covers every scale", [rule("get", "apps", "*/scale")], [rule("get", "apps", "deployments/scale")], []],
    [
      "*/scale covers no other subresource, nor the resource",
      [rule("get", "apps", "*/scale")],
      [rule("get", "apps", "deployments/status deployments")],
      [
        '{APIGroups:["apps"], Resources:["deployments/status"], Verbs:["get"]}',
        '{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}',
      ],
    ],
    [
      "a resource does not cover its subresources",
      [rule("get", "-", "pods")],
      [rule("get", "-", "pods/log")],
      ['{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}'],
    ],
    ["all names cover one", [rule("get", "-", "secrets")], [rule("get", "-", "secrets", "a b")], []],
    [
      "names cover themselves alone",
      [rule("get", "-", "secrets", "a b")],
      [rule("get", "-", "secrets", "b c")],
      ['{APIGroups:[""], Resources:["secrets"], ResourceNames:["c"], Verbs:["get"]}'],
    ],
    [
      "names do not cover all",
      [rule("get", "-", "secrets", "a")],
      [rule("get list", "-", "secrets")],
      ['{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'],
    ],
    ["paths", [url("get", "/healthz /api/*")], [url("get", "/healthz /api/v1 /api/*")], []],
    [
      "a path does not cover what lies below",
      [url("get", "/api")],
      [url("get post", "/api /api/v1")],
      [
        '{NonResourceURLs:["/api"], Verbs:["post"]}',
        '{NonResourceURLs:["/api/v1"], Verbs:["get"]}',
        '{NonResourceURLs:["/api/v1"], Verbs:["post"]}',
      ],
    ],
    [
      "resources do not cover paths",
      [rule("*", "*", "*")],
      [url("get", "/metrics")],
      ['{NonResourceURLs:["/metrics"], Verbs:["get"]}'],
    ],
    ["a star covers every path", [url("*", "*")], [url("get", "/metrics *")], []],
  ])("%s", (_title, held, wanted, expected) => {
    expect(missing(held, wanted)).toEqual(expected);
  });

  it("leaves the rules it was given as they are", () => {
    const wanted = [rule("get list", "-", "pods")];
    const before = structuredClone(wanted);
    compactRules(uncovered([], wanted));
    expect(wanted).toEqual(before);
  });
});
