import { describe, expect, test } from "vitest";
import { parseRequestInfo } from "../http/request-info.ts";
import { parsePolicy } from "./policy.ts";

const HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
const alice = { name: "alice", groups: ["dev", "system:authenticated"] };

function levelOf(rule: string, method: string, url: string, user = alice): string {
  return parsePolicy(`${HEAD}rules:\n- ${rule}`)(user, parseRequestInfo(method, url)).level;
}

describe("a rule", () => {
  const POD = "/api/v1/namespaces/a/pods/x";
  test.each([
    ["{level: Metadata}", "GET", POD, true],
    ["{level: Metadata}", "GET", "/version", true],
    ["{level: Metadata, users: [bob]}", "GET", POD, false],
    ["{level: Metadata, users: [bob, alice]}", "GET", POD, true],
    ["{level: Metadata, userGroups: [dev]}", "GET", POD, true],
    ["{level: Metadata, userGroups: [ops]}", "GET", POD, false],
    ["{level: Metadata, verbs: [list, watch]}", "GET", "/api/v1/pods?watch=1", true],
    ["{level: Metadata, verbs: [list, watch]}", "GET", POD, false],
    ["{level: Metadata, namespaces: [a]}", "GET", POD, true],
    ["{level: Metadata, namespaces: [b]}", "GET", POD, false],
    ['{level: Metadata, namespaces: [""]}', "GET", "/api/v1/nodes", true],
    ["{level: Metadata, namespaces: [a]}", "GET", "/version", false],
    ['{level: Metadata, resources: [{group: "", resources: [pods]}]}', "GET", POD, true],
    ['{level: Metadata, resources: [{group: "", resources: [pods]}]}', "GET", `${POD}/log`, false],
    ['{level: Metadata, resources: [{group: "", resources: [pods/log]}]}', "GET", `${POD}/log`, true],
    ['{level: Metadata, resources: [{group: "", resources: ["pods/*"]}]}', "GET", `${POD}/log`, true],
    ['{level: Metadata, resources: [{group: "", resources: ["pods/*"]}]}', "GET", POD, false],
    ['{level: Metadata, resources: [{group: "", resources: ["*/log"]}]}', "GET", `${POD}/log`, true],
    ['{level: Metadata, resources: [{group: "", resources: ["*"]}]}', "GET", `${POD}/log`, true],
    ['{level: Metadata, resources: [{group: ""}]}', "GET", POD, true],
    ["{level: Metadata, resources: [{group: apps}]}", "GET", POD, false],
    ["{level: Metadata, resources: [{resources: [pods], resourceNames: [x]}]}", "GET", POD, true],
    ["{level: Metadata, resources: [{resources: [pods], resourceNames: [y]}]}", "GET", POD, false],
    ['{level: Metadata, nonResourceURLs: ["/healthz*"]}', "GET", "/healthz/ping", true],
    ["{level: Metadata, nonResourceURLs: [/healthz]}", "GET", "/healthz/ping", false],
    ['{level: Metadata, nonResourceURLs: ["*"]}', "GET", POD, false],
  ])("%s: %s %s is matched: %j", (rule, method, url, matched) => {
    expect(levelOf(rule, method, url)).toBe(matched ? "Metadata" : "None");
  });
});

test("the first rule that matches decides, with its own and the policy's omissions", () => {
  const policy = parsePolicy(
    `${HEAD}omitStages: [RequestReceived]\nomitManagedFields: true\nrules:
- {level: None, users: [bob]}
- {level: Request, verbs: [create], omitStages: [Panic], omitManagedFields: false}
- {level: Metadata}`,
  );
  const create = policy(alice, parseRequestInfo("POST", "/api/v1/namespaces/a/pods"));
  expect(create).toEqual({
    level: "Request",
    omitStages: new Set(["RequestReceived", "Panic"]),
    omitManagedFields: false,
  });
  expect(policy(alice, parseRequestInfo("GET", "/"))).toMatchObject({ level: "Metadata", omitManagedFields: true });
  expect(policy({ name: "bob", groups: [] }, parseRequestInfo("GET", "/")).level).toBe("None");
  expect(policy(undefined, parseRequestInfo("GET", "/")).level).toBe("Metadata");
});

describe("a policy that is none is refused, naming what is wrong:", () => {
  test.each([
    ["", "it is empty"],
    ["apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]", "apiVersion must be audit.k8s.io/v1"],
    ["apiVersion: audit.k8s.io/v1\nkind: Rules\nrules: [{level: None}]", "kind must be Policy"],
    [`${HEAD}rules: []`, "0 rules"],
    [`${HEAD}rules: [{level: All}]`, 'rules[0].level: Unsupported value: "All"'],
    [`${HEAD}rules: [{level: None, verb: [get]}]`, "rules[0]: unknown field verb"],
    [`${HEAD}rules: [{level: None, omitStages: [Never]}]`, 'rules[0].omitStages: Invalid value: "Never"'],
    [
      `${HEAD}rules: [{level: None, namespaces: [a], nonResourceURLs: [/x]}]`,
      "both regular resources and non-resource",
    ],
    [`${HEAD}rules: [{level: None, nonResourceURLs: [x]}]`, "must begin with a '/'"],
    [`${HEAD}rules: [{level: None, nonResourceURLs: ["/x*y"]}]`, "must be the final character"],
    [`${HEAD}rules: [{level: None, resources: [{resourceNames: [x]}]}]`, "requires at least one resource"],
    ["rules: [", "cannot be read"],
  ])("%j", (text, problem) => {
    expect(() => parsePolicy(text)).toThrow(problem);
  });
});
