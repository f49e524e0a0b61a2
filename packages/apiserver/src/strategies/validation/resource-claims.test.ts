import { describe, expect, it } from "vitest";
import { podErrors } from "./pods.testing.ts";

const LABEL = /^a lowercase RFC 1123 label must consist of/;

describe("claims of a pod", () => {
  const of = (...resourceClaims: object[]): string[] => podErrors({ resourceClaims });

  it.each<[string, object[], (string | RegExp)[]]>([
    [
      "either way",
      [
        { name: "a", resourceClaimName: "x" },
        { name: "b", resourceClaimTemplateName: "y" },
      ],
      [],
    ],
    ["one without a name", [{ name: "", resourceClaimName: "x" }], ["spec.resourceClaims[0].name: "]],
    [
      "the same name twice",
      [
        { name: "a", resourceClaimName: "x" },
        { name: "a", resourceClaimName: "y" },
      ],
      ["spec.resourceClaims[1].name: "],
    ],
    [
      "both ways at once",
      [{ name: "a", resourceClaimName: "x", resourceClaimTemplateName: "y" }],
      ["spec.resourceClaims[0]: at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"],
    ],
    [
      "neither way",
      [{ name: "a" }],
      ["spec.resourceClaims[0]: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"],
    ],
  ])("%s", (_what, claims, errors) => expect(of(...claims)).toEqual(errors));

  it("have names that are labels, of objects that can exist", () => {
    const [name, claim, template] = [
      ...of({ name: "A", resourceClaimName: "X" }),
      ...of({ name: "a", resourceClaimTemplateName: "Y" }),
    ].map((each) => each.split(": "));
    expect(name?.[0]).toBe("spec.resourceClaims[0].name");
    expect(name?.[1]).toMatch(LABEL);
    expect(claim?.[0]).toBe("spec.resourceClaims[0].resourceClaimName");
    expect(template?.[0]).toBe("spec.resourceClaims[0].resourceClaimTemplateName");
    expect(template?.[1]).toMatch(/^a lowercase RFC 1123 subdomain must consist of/);
  });

  it("are not for pods that the node itself made", () => {
    const annotations = { "kubernetes.io/config.mirror": "x" };
    const claims = { resourceClaims: [{ name: "a", resourceClaimName: "x" }], nodeName: "n" };
    expect(podErrors(claims, {}, { annotations })).toEqual([": static pods do not support resource claims"]);
  });
});

describe("claims that a container uses", () => {
  const resourceClaims = ["b", "a"].map((name) => ({ name, resourceClaimName: "x" }));
  const at = "spec.containers[0].resources.claims";
  const of = (...claims: object[]): string[] => podErrors({ resourceClaims }, { resources: { claims } });

  it.each<[string, object[], string[]]>([
    ["a whole and a part", [{ name: "a" }, { name: "b", request: "r" }, { name: "b", request: "s" }], []],
    ["nameless", [{ name: "" }], [`${at}[0]: `]],
    ["a whole twice", [{ name: "a" }, { name: "a" }], [`${at}[1]: `]],
    ["a part after the whole", [{ name: "a" }, { name: "a", request: "r" }], [`${at}[1]: `]],
    ["the whole after a part", [{ name: "a", request: "r" }, { name: "a" }], [`${at}[1]: `]],
    [
      "a part twice",
      [
        { name: "a", request: "r" },
        { name: "a", request: "r" },
      ],
      [`${at}[1]: `],
    ],
    ["unknown", [{ name: "c" }], [`${at}[0]: must be one of the names in pod.spec.resourceClaims: a, b`]],
  ])("%s", (_what, claims, errors) => expect(of(...claims)).toEqual(errors));

  it("are asked for by labels", () => {
    const [error = ""] = of({ name: "a", request: "R" });
    expect(error).toMatch(new RegExp(`^${at.replaceAll(/[[\].]/g, "\\$&")}\\[0\\]\\.request: a lowercase RFC 1123`));
  });

  it("are none in a pod without any", () => {
    expect(podErrors({}, { resources: { claims: [{ name: "a" }] } })).toEqual([
      `${at}[0]: must be one of the names in pod.spec.resourceClaims which is empty`,
    ]);
  });
});

it("does not tell of all claims of very many to each container that uses another one", () => {
  const many = (name: string): object[] =>
    Array.from({ length: 5000 }, (_, index) => ({ name: `${name}${index}`, resourceClaimName: "x" }));
  const used = many("other").map((claim) => ({ name: (claim as { name: string }).name }));
  const errors = podErrors({ resourceClaims: many("claim") }, { resources: { claims: used } });
  expect(errors).toHaveLength(5000);
  expect(Math.max(...errors.map((error) => error.length))).toBeLessThan(2000);
});
