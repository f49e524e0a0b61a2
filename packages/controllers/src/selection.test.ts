import { expect, test } from "vitest";
import { runsElsewhere, todaysName } from "./controller-names.ts";
import { CONTROLLERS } from "./registry.ts";
import { selectControllers } from "./selection.ts";

const named = (name: string, enabledByDefault = true) => ({
  name,
  enabledByDefault,
  init: () => {
    throw new Error("not started here");
  },
});
const all = [named("a"), named("b"), named("c", false)];

test.each([
  [undefined, "a b"],
  [["*"], "a b"],
  [["*", "-a"], "b"],
  [["*", "c"], "a b c"],
  [["c"], "c"],
  [["-a", "*"], "b"],
])("%j runs %s", (wanted, want) => {
  expect(
    selectControllers(all, wanted)
      .map(({ name }) => name)
      .join(" "),
  ).toBe(want);
});

test("an unknown name is refused", () => {
  expect(() => selectControllers(all, ["*", "-d"])).toThrow('"d" is not in the list of known controllers');
});

test("former names choose the same", () => {
  const today = [named("deployment-controller"), named("pod-garbage-collector-controller")];
  const names = (wanted: string[]) => selectControllers(today, wanted).map(({ name }) => name);
  expect(names(["deployment"])).toEqual(["deployment-controller"]);
  expect(names(["*", "-podgc"])).toEqual(["deployment-controller"]);
  expect(names(["*", "-podgc", "pod-garbage-collector-controller"])).toEqual(["deployment-controller"]);
});

test("one of upstream's that does not run here may be switched off, and not asked for", () => {
  expect(selectControllers(all, ["*", "-cloud-node-lifecycle-controller"])).toHaveLength(2);
  expect(() => selectControllers(all, ["*", "attachdetach"])).toThrow('"attachdetach" is not in the list of known');
});

test("those for bootstrap tokens are off until they are asked for, by either name", () => {
  const names = (...wanted: string[]): string[] =>
    selectControllers(CONTROLLERS, wanted).flatMap(({ name }) => (/bootstrap|token-cleaner-c/.test(name) ? name : []));
  const both = ["bootstrap-signer-controller", "token-cleaner-controller"];
  const legacy = "legacy-serviceaccount-token-cleaner-controller";
  expect(names("*")).toEqual([legacy]);
  expect(names(...both)).toEqual(both);
  expect(names("bootstrapsigner", "tokencleaner")).toEqual(both);
  expect(names("*", ...both, `-${legacy}`)).toEqual(both);
});

test("every former name is that of a controller here", () => {
  const today = new Set(CONTROLLERS.map(({ name }) => name));
  const former = [
    "podgc",
    "csrsigning",
    "pvc-protection",
    "horizontalpodautoscaling",
    "root-ca-cert-publisher",
    "endpoint",
  ];
  expect(former.map(todaysName).filter((name) => !today.has(name))).toEqual([]);
  expect([...today].filter(runsElsewhere)).toEqual([]);
});
