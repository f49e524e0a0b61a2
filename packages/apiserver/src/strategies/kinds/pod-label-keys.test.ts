import { describe, expect, it } from "vitest";
import { createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const pods = infoOf("pods");
const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";
const WEB = { matchLabels: { app: "web" } };

const pod = (spec: object): Loose => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "default", labels: { app: "web", "pod-template-hash": "1a", tier: "front" } },
  spec: { containers: [{ name: "c", image: "i:1" }], ...spec },
});
const withTerm = (term: object): Loose =>
  pod({ affinity: { podAffinity: { [REQUIRED]: [{ topologyKey: "zone", ...term }] } } });
const withConstraint = (constraint: object): Loose =>
  pod({
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", ...constraint }],
  });

describe("label keys of a new pod", () => {
  it("become requirements of every kind of term", () => {
    const term = {
      topologyKey: "zone",
      // The same object in both terms.
      labelSelector: WEB,
      matchLabelKeys: ["pod-template-hash", "absent"],
      mismatchLabelKeys: ["tier"],
    };
    const both = (): object =>
      structuredClone({
        [REQUIRED]: [term],
        [PREFERRED]: [{ weight: 1, podAffinityTerm: { ...term } }],
      });
    const { affinity } = created(pods, pod({ affinity: { podAffinity: both(), podAntiAffinity: both() } })).spec;
    const merged = {
      ...term,
      labelSelector: {
        ...WEB,
        matchExpressions: [
          { key: "pod-template-hash", operator: "In", values: ["1a"] },
          { key: "tier", operator: "NotIn", values: ["front"] },
        ],
      },
    };
    for (const kind of ["podAffinity", "podAntiAffinity"]) {
      expect(affinity[kind][REQUIRED]).toEqual([merged]);
      expect(affinity[kind][PREFERRED]).toEqual([{ weight: 1, podAffinityTerm: merged }]);
    }
  });

  it("become requirements of spread constraints, after what is there", () => {
    const tier = { key: "tier", operator: "Exists" };
    const labelSelector = { matchExpressions: [tier] };
    const { spec } = created(pods, withConstraint({ labelSelector, matchLabelKeys: ["pod-template-hash"] }));
    expect(spec.topologySpreadConstraints[0].labelSelector).toEqual({
      matchExpressions: [tier, { key: "pod-template-hash", operator: "In", values: ["1a"] }],
    });
  });

  it("leave selectors alone where the pod has no such label", () => {
    const { spec } = created(pods, withConstraint({ labelSelector: WEB, matchLabelKeys: ["absent", "toString"] }));
    expect(spec.topologySpreadConstraints[0].labelSelector).toEqual(WEB);
  });

  it("are merged in one go, however many there are", () => {
    const matchLabelKeys = Array.from({ length: 50_000 }, () => "tier");
    const { spec } = created(pods, withConstraint({ labelSelector: WEB, matchLabelKeys }));
    expect(spec.topologySpreadConstraints[0].labelSelector.matchExpressions).toHaveLength(50_000);
    // All but the first are there twice, once as a key and once as what became of it.
    expect(createErrors(pods, withConstraint({ labelSelector: WEB, matchLabelKeys }))).toHaveLength(49_999);
  });

  it("are merged once: an update finds them there", () => {
    const stored = created(pods, withTerm({ labelSelector: WEB, matchLabelKeys: ["tier"] }));
    const { next, errors } = updated(pods, stored, (it) => {
      it.metadata.labels.tier = "back";
    });
    expect(errors).toEqual([]);
    expect(next.spec).toEqual(stored.spec);
  });
});

describe("validation of label keys", () => {
  const TERM = `spec.affinity.podAffinity.${REQUIRED}[0]`;
  const SPREAD = "spec.topologySpreadConstraints[0]";

  it.each([
    [{ labelSelector: WEB, matchLabelKeys: ["tier"], mismatchLabelKeys: ["pod-template-hash"] }, []],
    // What is excluded may be narrowed further.
    [{ labelSelector: WEB, mismatchLabelKeys: ["app"] }, []],
    [{ matchLabelKeys: ["tier"] }, [`${TERM}.matchLabelKeys: must not be specified when labelSelector is not set`]],
    [
      { mismatchLabelKeys: ["tier"] },
      [`${TERM}.mismatchLabelKeys: must not be specified when labelSelector is not set`],
    ],
    [
      { labelSelector: WEB, matchLabelKeys: ["tier", "app"] },
      [`${TERM}[1]: exists in both matchLabelKeys and labelSelector`],
    ],
    [
      {
        labelSelector: { matchExpressions: [{ key: "tier", operator: "Exists" }] },
        matchLabelKeys: ["tier"],
      },
      [`${TERM}[0]: exists in both matchLabelKeys and labelSelector`],
    ],
    [
      { labelSelector: WEB, matchLabelKeys: ["other"], mismatchLabelKeys: ["other"] },
      [`${TERM}.matchLabelKeys[0]: exists in both matchLabelKeys and mismatchLabelKeys`],
    ],
  ])("of the term %j", (term, errors) => expect(createErrors(pods, withTerm(term))).toEqual(errors));

  it.each([
    [{ labelSelector: WEB, matchLabelKeys: ["tier"] }, []],
    [{ matchLabelKeys: ["tier"] }, [`${SPREAD}.matchLabelKeys: must not be specified when labelSelector is not set`]],
    [
      { labelSelector: WEB, matchLabelKeys: ["app"] },
      [`${SPREAD}[0]: exists in both matchLabelKeys and labelSelector`],
    ],
    [
      { labelSelector: WEB, matchLabelKeys: ["a b"] },
      [expect.stringMatching(/^spec\.topologySpreadConstraints\[0\]\.matchLabelKeys\[0\]: name part must/)],
    ],
    [{ labelSelector: WEB, nodeTaintsPolicy: "Maybe" }, [expect.stringMatching(/^.*\[0\]\.nodeTaintsPolicy: /)]],
  ])("of the constraint %j", (constraint, errors) =>
    expect(createErrors(pods, withConstraint(constraint))).toEqual(errors),
  );

  it("says of the first of two equal constraints that it is repeated", () => {
    const body = withConstraint({ labelSelector: WEB });
    body.spec.topologySpreadConstraints.push(body.spec.topologySpreadConstraints[0]);
    expect(createErrors(pods, body)).toEqual([expect.stringContaining(`${SPREAD}.{topologyKey, whenUnsatisfiable}`)]);
  });

  it("lets a stored constraint stay as wrong as it was", () => {
    const label = (it: Loose): void => {
      it.metadata.labels.more = "1";
    };
    const wrong = created(pods, withConstraint({ labelSelector: WEB, matchLabelKeys: ["app"] }));
    expect(updated(pods, wrong, label).errors).toEqual([]);
    const bad = created(pods, withConstraint({ labelSelector: { matchLabels: { app: "a b" } } }));
    expect(updated(pods, bad, label).errors).toEqual([]);
    const term = created(pods, withTerm({ labelSelector: WEB, matchLabelKeys: ["app"] }));
    expect(updated(pods, term, label).errors).toHaveLength(1);
  });
});

it("leaves the selectors of templates alone, and validates their keys", () => {
  const deployments = infoOf("deployments", "apps");
  const body = (constraint: object): Loose => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "d", namespace: "default" },
    spec: { selector: WEB, template: { metadata: { labels: WEB.matchLabels }, spec: withConstraint(constraint).spec } },
  });
  const keyed = body({ labelSelector: { matchLabels: { x: "y" } }, matchLabelKeys: ["app"] });
  expect(createErrors(deployments, keyed)).toEqual([]);
  const { spec } = created(deployments, keyed).spec.template;
  expect(spec.topologySpreadConstraints[0].labelSelector).toEqual({ matchLabels: { x: "y" } });
  expect(createErrors(deployments, body({ matchLabelKeys: ["app"] }))).toEqual([
    "spec.template.spec.topologySpreadConstraints[0].matchLabelKeys: must not be specified when labelSelector is not set",
  ]);
});
