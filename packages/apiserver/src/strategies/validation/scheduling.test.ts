import { describe, expect, it } from "vitest";
import { podErrors, podWith, supported, updateErrors } from "./pods.testing.ts";

const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

describe("nodes that a pod asks for", () => {
  const at = `spec.affinity.nodeAffinity.${REQUIRED}.nodeSelectorTerms`;
  const term = (values: string[], operator = "In"): object => ({ matchExpressions: [{ key: "a", operator, values }] });
  const required = (...nodeSelectorTerms: object[]): object => ({
    affinity: { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms } } },
  });

  it.each<[string, object, string[]]>([
    ["by nothing", required(), [`${at}: must have at least one node selector term`]],
    ["by a label", required(term(["b"])), []],
    [
      "by no value",
      required(term([])),
      [`${at}[0].matchExpressions[0].values: must be specified when \`operator\` is 'In' or 'NotIn'`],
    ],
    [
      "by a value too many",
      required(term(["1", "2"], "Gt")),
      [`${at}[0].matchExpressions[0].values: must be specified single value when \`operator\` is 'Lt' or 'Gt'`],
    ],
    [
      "by a field",
      required({ matchFields: [{ key: "spec.x", operator: "Exists" }] }),
      [
        `${at}[0].matchFields[0].operator: not a valid selector operator`,
        `${at}[0].matchFields[0].key: not a valid field selector key`,
      ],
    ],
  ])("%s", (_what, spec, errors) => expect(podErrors(spec)).toEqual(errors));

  it("have values that labels have", () => {
    const impossible = required(term(["b", "-"]));
    const [error = "", ...others] = podErrors(impossible);
    expect(others).toEqual([]);
    expect(error.slice(0, error.indexOf(": "))).toBe(`${at}[0].matchExpressions[0].values[1]`);
  });

  it("may be such as there are none, where that is stored or only preferred", () => {
    const old = podWith(required(term(["-"])));
    expect(updateErrors(old, (pod) => (pod.spec.containers[0].image = "i:2"))).toEqual([]);
    expect(
      podErrors({ affinity: { nodeAffinity: { [PREFERRED]: [{ weight: 1, preference: term(["-"]) }] } } }),
    ).toEqual([]);
  });
});

describe("tolerations", () => {
  const of = (toleration: object): string[] => podErrors({ tolerations: [toleration] });
  const at = "spec.tolerations[0]";

  it("compare as v1.36 does by default", () => {
    expect(of({ key: "a", operator: "Equal", value: "b" })).toEqual([]);
    expect(of({ key: "a", operator: "Lt", value: "1" })).toEqual([
      `${at}.operator: ${supported("Equal", "Exists", "Lt", "Gt")}`,
    ]);
    expect(of({ key: "a", operator: "Is" })).toEqual([`${at}.operator: ${supported("Equal", "Exists")}`]);
  });
});

describe("topology spread", () => {
  it("counts from one", () => {
    const constraint = { maxSkew: 0, topologyKey: "z", whenUnsatisfiable: "DoNotSchedule", minDomains: 0 };
    expect(podErrors({ topologySpreadConstraints: [constraint] })).toEqual([
      "spec.topologySpreadConstraints[0].maxSkew: must be greater than zero",
      "spec.topologySpreadConstraints[0].minDomains: must be greater than zero",
    ]);
  });
});
