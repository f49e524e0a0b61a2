import { describe, expect, test } from "vitest";
import type { FlowSchema, PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";
import {
  MANDATORY_LEVELS,
  MANDATORY_SCHEMAS,
  SUGGESTED_LEVELS,
  SUGGESTED_SCHEMAS,
} from "../../flowcontrol/defaults.ts";
import type { FieldError } from "../field.ts";
import { validateFlowSchema, validatePriorityLevel } from "./flow-control.ts";

const messages = (errors: readonly FieldError[]): string[] => errors.map(({ field, detail }) => `${field}: ${detail}`);

test("the default objects are valid", () => {
  for (const schema of [...MANDATORY_SCHEMAS, ...SUGGESTED_SCHEMAS]) expect(validateFlowSchema(schema)).toEqual([]);
  for (const level of [...MANDATORY_LEVELS, ...SUGGESTED_LEVELS]) expect(validatePriorityLevel(level)).toEqual([]);
});

describe("a FlowSchema is refused:", () => {
  const rule = {
    subjects: [{ kind: "User", user: { name: "u" } }],
    nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/x/*", "/", "/y"] }],
  };
  const resource = { verbs: ["get"], apiGroups: ["*"], resources: ["pods/status"], namespaces: ["a"] };
  const schema = (spec: object, name = "s"): FlowSchema => ({
    metadata: { name },
    spec: { priorityLevelConfiguration: { name: "l" }, matchingPrecedence: 10, rules: [rule], ...spec },
  });
  const withRule = (more: object): FlowSchema => schema({ rules: [{ ...rule, ...more }] });

  test("not this one", () => {
    expect(validateFlowSchema(withRule({ resourceRules: [resource] }))).toEqual([]);
  });
  test.each<[FlowSchema, string]>([
    [schema({ matchingPrecedence: 1 }), "only the schema named 'exempt' may have matchingPrecedence 1"],
    [schema({ matchingPrecedence: 10_001 }), "must not be greater than 10000"],
    [schema({}, "exempt"), "spec of 'exempt' must equal the fixed value"],
    [withRule({ subjects: [] }), "subjects must contain at least one value"],
    [withRule({ nonResourceRules: [] }), "at least one of resourceRules and nonResourceRules has to be non-empty"],
    [withRule({ subjects: [{ kind: "User" }] }), "user is required when subject kind is 'User'"],
    [
      withRule({ subjects: [{ kind: "User", user: { name: "u" }, group: { name: "g" } }] }),
      "group is forbidden when subject kind is not 'Group'",
    ],
    [
      withRule({ subjects: [{ kind: "ServiceAccount", serviceAccount: { name: "u", namespace: "" } }] }),
      "must specify namespace for service account",
    ],
    [withRule({ resourceRules: [{ ...resource, verbs: [] }] }), "verbs must contain at least one value"],
    [withRule({ resourceRules: [{ ...resource, verbs: ["*", "get"] }] }), "must not specify other verbs"],
    [withRule({ resourceRules: [{ ...resource, verbs: ["eat"] }] }), "supported values"],
    [withRule({ resourceRules: [{ ...resource, apiGroups: [] }] }), "must supply at least one api group"],
    [withRule({ resourceRules: [{ ...resource, resources: ["*", "x"] }] }), "must not specify other resources"],
    [withRule({ resourceRules: [{ ...resource, namespaces: [] }] }), "must supply at least one namespace"],
    [withRule({ nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["x"] }] }), "must start with slash"],
    [withRule({ nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/hea*"] }] }), "only do suffix matching"],
    [withRule({ nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/a//b"] }] }), "double slash"],
  ])("%#: %s", (object, problem) => {
    expect(messages(validateFlowSchema(object)).join("\n")).toContain(problem);
  });
});

describe("a PriorityLevelConfiguration is refused:", () => {
  const level = (limited: object, name = "l"): PriorityLevelConfiguration => ({
    metadata: { name },
    spec: { type: "Limited", limited: { nominalConcurrencyShares: 1, limitResponse: { type: "Reject" }, ...limited } },
  });
  const queue = (queuing: object): PriorityLevelConfiguration =>
    level({ limitResponse: { type: "Queue", queuing: { queues: 64, handSize: 8, queueLengthLimit: 50, ...queuing } } });

  test("not these", () => {
    expect(validatePriorityLevel(queue({}))).toEqual([]);
    const exempt = { type: "Exempt", exempt: { nominalConcurrencyShares: 5, lendablePercent: 50 } };
    expect(validatePriorityLevel({ metadata: { name: "exempt" }, spec: exempt })).toEqual([]);
  });
  test.each<[PriorityLevelConfiguration, string]>([
    [level({ nominalConcurrencyShares: 9 }, "catch-all"), "spec of 'catch-all' must equal the fixed value"],
    [level({}, "exempt"), "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value"],
    [{ spec: { type: "Exempt", limited: {} } }, "must be nil if the type is not Limited"],
    [{ spec: { type: "Limited" } }, "must not be empty when type is Limited"],
    [level({ nominalConcurrencyShares: -1 }), "must be a non-negative integer"],
    [level({ lendablePercent: 101 }), "must be between 0 and 100, inclusive"],
    [level({ borrowingLimitPercent: -1 }), "if specified, must be a non-negative integer"],
    [level({ limitResponse: { type: "Reject", queuing: {} } }), "must be nil if limited.limitResponse.type is not"],
    [level({ limitResponse: { type: "Queue" } }), "must not be empty if limited.limitResponse.type is Limited"],
    [queue({ handSize: 65 }), "should not be greater than queues (64)"],
    [queue({ queues: 128, handSize: 10 }), "required entropy bits of deckSize 128 and handSize 10"],
    [queue({ queueLengthLimit: -1 }), "must be positive"],
  ])("%#: %s", (object, problem) => {
    expect(messages(validatePriorityLevel(object)).join("\n")).toContain(problem);
  });
});
