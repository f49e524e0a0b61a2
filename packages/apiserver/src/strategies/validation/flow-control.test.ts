import { describe, expect, test } from "vitest";
import type { FlowSchema, PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";
import {
  MANDATORY_LEVELS,
  MANDATORY_SCHEMAS,
  SUGGESTED_LEVELS,
  SUGGESTED_SCHEMAS,
} from "../../flowcontrol/defaults.ts";
import type { FieldError } from "../field.ts";
import { createMessages, infoOf, updated } from "../harness.testing.ts";
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

/** In upstream's words and order. */
const FLOWS = infoOf("flowschemas");
const LEVELS = infoOf("prioritylevelconfigurations");
const flow = (spec: object, name = "s"): string[] =>
  createMessages(FLOWS, { metadata: { name }, spec: { priorityLevelConfiguration: { name: "l" }, ...spec } });
const ofRule = (rule: object): string[] => flow({ rules: [rule] });
const group = { kind: "Group", group: { name: "g" } };
const path = { verbs: ["get"], nonResourceURLs: ["/x"] };
const pods = { verbs: ["get"], apiGroups: [""], resources: ["pods"], namespaces: ["a"] };
const VERBS = `"create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"`;

test.each<[string[], string[]]>([
  [flow({}), []],
  [
    flow({ priorityLevelConfiguration: {}, distinguisherMethod: { type: "" }, matchingPrecedence: -1 }),
    [
      "spec.matchingPrecedence: Invalid value: -1: must be a positive value",
      `spec.distinguisherMethod.type: Unsupported value: {"Type":""}: supported values: "ByNamespace", "ByUser"`,
      "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
    ],
  ],
  [
    flow({ priorityLevelConfiguration: { name: "L" } }).map((text) => text.slice(0, 52)),
    ["spec.priorityLevelConfiguration.name: Invalid value:"],
  ],
  [
    ofRule({ subjects: [{ kind: "" }], nonResourceRules: [path] }),
    [`spec.rules[0].subjects[0].kind: Unsupported value: "": supported values: "Group", "ServiceAccount", "User"`],
  ],
  [
    ofRule({
      subjects: [{ kind: "ServiceAccount", serviceAccount: { name: "", namespace: "" }, user: {}, group: {} }],
      nonResourceRules: [path],
    }),
    [
      "spec.rules[0].subjects[0].serviceAccount.name: Required value",
      "spec.rules[0].subjects[0].serviceAccount.namespace: Required value: must specify namespace for service account",
      "spec.rules[0].subjects[0].user: Forbidden: user is forbidden when subject kind is not 'User'",
      "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
    ],
  ],
  [
    ofRule({ subjects: [group], nonResourceRules: [{ verbs: ["get", "head"], nonResourceURLs: ["*", "x"] }] }),
    [
      `spec.rules[0].nonResourceRules[0].verbs: Unsupported value: ["get","head"]: supported values: ${VERBS}`,
      `spec.rules[0].nonResourceRules[0].nonResourceURLs: Invalid value: ["*","x"]: if '*' is present, must not specify other non-resource URLs`,
    ],
  ],
  [
    ofRule({ subjects: [group], nonResourceRules: [{ ...path, nonResourceURLs: ["/a*"] }] }),
    [
      `spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "/a*": wildcard can only do suffix matching`,
    ],
  ],
  [ofRule({ subjects: [group], resourceRules: [{ ...pods, namespaces: ["*"] }] }), []],
  [
    ofRule({ subjects: [group], resourceRules: [{ ...pods, namespaces: ["A"] }] }).map(
      (text) => text.split(";")[0] ?? "",
    ),
    [
      `spec.rules[0].resourceRules[0].namespaces[0]: Invalid value: "A": each member of this list must be '*' or a DNS-1123 label`,
    ],
  ],
])("FlowSchema %#: %j", (found, expected) => {
  expect(found).toEqual(expected);
});

const ofLevel = (spec: object, name = "l"): string[] => createMessages(LEVELS, { metadata: { name }, spec });
test.each<[string[], string[]]>([
  [ofLevel({ type: "Limited", limited: { limitResponse: { type: "Reject" } } }), []],
  [ofLevel({ type: "Exempt" }, "exempt"), []],
  [ofLevel({ type: "" }), [`spec.type: Unsupported value: "": supported values: "Exempt", "Limited"`]],
  [
    ofLevel({ type: "Exempt" }),
    ["spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'"],
  ],
  [
    ofLevel({
      type: "Limited",
      limited: { nominalConcurrencyShares: -1, lendablePercent: -1, borrowingLimitPercent: -1, limitResponse: {} },
      exempt: {},
    }),
    [
      "spec.exempt: Forbidden: must be nil if the type is Limited",
      "spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer",
      `spec.limited.limitResponse.type: Unsupported value: "": supported values: "Queue", "Reject"`,
      "spec.limited.lendablePercent: Invalid value: -1: must be between 0 and 100, inclusive",
      "spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer",
    ],
  ],
])("PriorityLevelConfiguration %#: %j", (found, expected) => {
  expect(found).toEqual(expected);
});

test("an annotation of a version that is gone is refused", () => {
  const key = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";
  const body = { metadata: { name: "l", annotations: { [key]: "" } }, spec: { type: "Limited", limited: {} } };
  expect(createMessages(LEVELS, body)[0]).toBe(`metadata.annotations: Forbidden: annotation '${key}' is forbidden`);
});

test.each([FLOWS, LEVELS])("$resource: /status changes status alone, and its conditions have types", (info) => {
  const old = { metadata: { name: "exempt", labels: { a: "b" } }, spec: {}, status: {} };
  const change = (conditions: object[]) =>
    updated(
      info,
      old,
      (obj) => {
        obj.metadata.labels = { c: "d" };
        obj.metadata.annotations = { e: "f" };
        obj.status = { conditions };
      },
      "status",
    );
  const { next, messages: none } = change([{ type: "A", status: "True" }]);
  expect(none).toEqual([]);
  expect(next.metadata).toEqual({ name: "exempt", labels: { a: "b" }, resourceVersion: "1" });
  expect(next.status.conditions).toHaveLength(1);
  expect(change([{ type: "A" }, { type: "A" }, {}]).messages).toEqual([
    `status.conditions[1].type: Duplicate value: "A"`,
    "status.conditions[2].type: Required value: must not be empty",
  ]);
});
