import type { JobSpec, PodFailurePolicyRule, SuccessPolicyRule } from "@knots/api/batch/v1";
import { formatFieldError } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { FieldPath, type FieldError } from "../field.ts";
import { createErrors, infoOf } from "../harness.testing.ts";
import { validateJobSpec } from "./job-spec.ts";

const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } };

/** What is wrong with a Job's spec, but for its template, which is incomplete here. */
function errorsOf(spec: Partial<JobSpec>): string[] {
  const errors: FieldError[] = [];
  validateJobSpec({ template, ...spec } as JobSpec, FieldPath.root("spec"), errors);
  return errors.map(formatFieldError).filter((each) => !/^spec\.template\.spec\.(?!restartPolicy)/.test(each));
}
const indexed = (spec: Partial<JobSpec>): string[] => errorsOf({ completionMode: "Indexed", completions: 5, ...spec });

describe("a Job's spec", () => {
  it.each<[string, string[], string[]]>([
    ["Indexed", indexed({ backoffLimitPerIndex: 1, maxFailedIndexes: 5 }), []],
    [
      "an Indexed one without completions",
      errorsOf({ completionMode: "Indexed" }),
      ["spec.completions: Required value: when completion mode is Indexed"],
    ],
    [
      "another mode",
      errorsOf({ completionMode: "Half" }),
      ['spec.completionMode: Unsupported value: "Half": supported values: "NonIndexed", "Indexed"'],
    ],
    [
      "limits by index without indexes",
      errorsOf({ backoffLimitPerIndex: 1, maxFailedIndexes: 2 }),
      [
        "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
        "spec.maxFailedIndexes: Invalid value: 2: requires indexed completion mode",
      ],
    ],
    [
      "failed indexes that are not counted",
      indexed({ maxFailedIndexes: 2 }),
      ["spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"],
    ],
    [
      "more failed indexes than there are",
      indexed({ backoffLimitPerIndex: 1, maxFailedIndexes: 6 }),
      ["spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions"],
    ],
    [
      "very many pods at once",
      indexed({ parallelism: 100_001 }),
      ["spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"],
    ],
    [
      "very many indexes with limits of their own",
      indexed({ completions: 100_001, parallelism: 10_001, backoffLimitPerIndex: 1 }),
      [
        "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
        "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index",
      ],
    ],
    ["a manager", errorsOf({ managedBy: "example.com/queue" }), []],
    [
      "a manager without a domain",
      errorsOf({ managedBy: "queue" }),
      ['spec.managedBy: Invalid value: "queue": must be a domain-prefixed path (such as "acme.io/foo")'],
    ],
    [
      "a manager with a long name",
      errorsOf({ managedBy: `example.com/${"q".repeat(60)}` }),
      ["spec.managedBy: Too long: may not be more than 63 bytes"],
    ],
    [
      "another replacement",
      errorsOf({ podReplacementPolicy: "Never" }),
      ['spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"'],
    ],
    [
      "early replacement with a failure policy",
      errorsOf({
        podReplacementPolicy: "TerminatingOrFailed",
        podFailurePolicy: { rules: [{ action: "Count", onExitCodes: { operator: "In", values: [1] } }] },
      }),
      ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
    ],
    [
      "restarts in place with a failure policy",
      errorsOf({
        template: { spec: { ...template.spec, restartPolicy: "OnFailure" } },
        podFailurePolicy: { rules: [] },
      }),
      [
        'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
      ],
    ],
  ])("%s", (_name, errors, expected) => {
    expect(errors).toEqual(expected);
  });
});

describe("a rule of podFailurePolicy", () => {
  const at = "spec.podFailurePolicy.rules[0]";
  const exits = (more: object): Partial<PodFailurePolicyRule> => ({
    action: "Count",
    onExitCodes: { operator: "In", values: [1], ...more },
  });
  it.each<[string, Partial<PodFailurePolicyRule>, string[]]>([
    ["by exit codes", exits({ containerName: "c", values: [1, 42] }), []],
    ["by conditions", { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }, []],
    [
      "by nothing",
      { action: "Count" },
      [`${at}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`],
    ],
    [
      "by both",
      { ...exits({}), onPodConditions: [{ type: "A", status: "True" }] },
      [`${at}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported`],
    ],
    [
      "without an action",
      { ...exits({}), action: "" },
      [`${at}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]`],
    ],
    [
      "for an index, without indexes",
      { ...exits({}), action: "FailIndex" },
      [`${at}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`],
    ],
    [
      "of no container",
      exits({ containerName: "d" }),
      [
        `${at}.onExitCodes.containerName: Invalid value: "d": must be one of the container or initContainer names in the pod template`,
      ],
    ],
    [
      "of success",
      exits({ values: [0] }),
      [`${at}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator`],
    ],
    ["out of order", exits({ values: [2, 1] }), [`${at}.onExitCodes.values: Invalid value: [2,1]: must be ordered`]],
    ["twice", exits({ values: [1, 1] }), [`${at}.onExitCodes.values[1]: Duplicate value: 1`]],
    [
      "without a status",
      { action: "Ignore", onPodConditions: [{ type: "A" }] },
      [`${at}.onPodConditions[0].status: Required value: valid values: ["False" "True" "Unknown"]`],
    ],
  ])("%s", (_name, rule, expected) => {
    expect(errorsOf({ podFailurePolicy: { rules: [rule as PodFailurePolicyRule] } })).toEqual(expected);
  });

  it("may not be one of too many", () => {
    const rules = Array.from({ length: 21 }, () => exits({}) as PodFailurePolicyRule);
    expect(errorsOf({ podFailurePolicy: { rules } })).toEqual([
      "spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items",
    ]);
  });
});

describe("a rule of successPolicy", () => {
  const at = "spec.successPolicy.rules[0]";
  const parsing = (indexes: string, why: string): [string, SuccessPolicyRule, string[]] => [
    indexes,
    { succeededIndexes: indexes },
    [`${at}.succeededIndexes: Invalid value: ${JSON.stringify(indexes)}: error parsing succeededIndexes: ${why}`],
  ];
  it.each<[string, SuccessPolicyRule, string[]]>([
    ["by number", { succeededCount: 5 }, []],
    ["by indexes", { succeededIndexes: "0,2-4" }, []],
    ["by some of the indexes", { succeededIndexes: "0,2-4", succeededCount: 4 }, []],
    ["by nothing", {}, [`${at}: Required value: at least one of succeededCount or succeededIndexes must be specified`]],
    [
      "by more than there are",
      { succeededCount: 6 },
      [`${at}.succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)`],
    ],
    [
      "by more than the indexes",
      { succeededIndexes: "0,2-3", succeededCount: 4 },
      [
        `${at}.succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of indexes in the specified succeededIndexes field)`,
      ],
    ],
    parsing("5", 'too large index: "5"'),
    parsing("3,1", "non-increasing order, previous: 3, current: 1"),
    parsing("2-2", "non-increasing order, previous: 2, current: 2"),
    parsing("a", 'cannot convert string to integer for index: "a"'),
    parsing(
      "1-2-3",
      `the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`,
    ),
  ])("%s", (_name, rule, expected) => {
    expect(indexed({ successPolicy: { rules: [rule] } })).toEqual(expected);
  });

  it("is needed, and needs indexes", () => {
    expect(indexed({ successPolicy: { rules: [] } })).toEqual([
      "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified",
    ]);
    expect(errorsOf({ successPolicy: { rules: [{ succeededCount: 1 }] } })).toEqual([
      'spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode',
    ]);
  });
});

it("an Indexed Job's pods must be able to bear its name", () => {
  const name = "j".repeat(62);
  const job = {
    metadata: { name, namespace: "default" },
    spec: { completionMode: "Indexed", completions: 11, template },
  };
  expect(createErrors(infoOf("jobs"), job)).toContain(
    `metadata.name: will not able to create pod with invalid DNS label: ${name}-10`,
  );
});
