import { expect, test } from "vitest";
import { AUTOUPDATE, completed } from "./reconcile-policy.ts";

const rule = (verb: string): object => ({ verbs: [verb], apiGroups: [""], resources: ["pods"] });
const role = (verbs: string[], annotation = "true"): object => ({
  metadata: { name: "r", labels: { own: "1" }, annotations: { [AUTOUPDATE]: annotation } },
  rules: verbs.map(rule),
});
const wanted = (verbs: string[]): object => ({
  metadata: { name: "r", labels: { "kubernetes.io/bootstrapping": "rbac-defaults" } },
  rules: verbs.map(rule),
});

test("adds what is missing and takes nothing away", () => {
  expect(completed(role(["get", "own"]), wanted(["get", "list"]))).toMatchObject({
    metadata: { labels: { own: "1", "kubernetes.io/bootstrapping": "rbac-defaults" } },
    rules: [rule("get"), rule("own"), rule("list")],
  });
  const bound = { metadata: { annotations: { [AUTOUPDATE]: "true" } }, subjects: [{ kind: "User", name: "a" }] };
  expect(completed(bound, { subjects: [{ name: "a", kind: "User" }] })).toBeUndefined();
  expect(completed(bound, { subjects: [{ kind: "User", name: "b" }] })?.subjects).toHaveLength(2);
});

test("leaves alone what is whole, what is not to be touched, and the rules that are aggregated", () => {
  const whole = completed(role(["get"]), wanted(["get"]));
  expect(whole && completed(whole, wanted(["get"]))).toBeUndefined();
  expect(completed(role([], "false"), wanted(["get"]))).toBeUndefined();
  const aggregated = { ...wanted(["list"]), metadata: {}, aggregationRule: {} };
  expect(completed(role(["get"]), aggregated)).toBeUndefined();
});
