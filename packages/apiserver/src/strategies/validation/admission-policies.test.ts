// Admission policies and their bindings, in upstream's words and order.
import { describe, expect, it } from "vitest";
import { createMessages, infoOf, updated } from "../harness.testing.ts";

const rule = { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] };
const matchConstraints = { resourceRules: [rule] };
const short = (texts: readonly string[]): string[] =>
  texts.map((text) => text.replace(/(: a lowercase RFC|: a DNS-1035|: name part|: compilation failed).*/s, "$1"));

describe("ValidatingAdmissionPolicy", () => {
  const info = infoOf("validatingadmissionpolicies");
  const good = { matchConstraints, validations: [{ expression: "true" }] };
  const errors = (spec: object): string[] => short(createMessages(info, { metadata: { name: "p" }, spec }));
  const validation = (more: object): string[] => errors({ ...good, validations: [{ expression: "true", ...more }] });

  it.each<[string[], string[]]>([
    [errors(good), []],
    [
      errors({}),
      [
        "spec.matchConstraints: Required value",
        "spec.validations: Required value: validations or auditAnnotations must contain at least one item",
        "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item",
      ],
    ],
    [
      errors({ ...good, failurePolicy: "", paramKind: { apiVersion: "", kind: "" }, matchConstraints: {} }),
      [
        'spec.failurePolicy: Unsupported value: "": supported values: "Fail", "Ignore"',
        "spec.paramKind.apiVersion: Required value",
        "spec.paramKind.kind: Required value",
        "spec.matchConstraints.resourceRules: Required value",
      ],
    ],
    [
      errors({ ...good, paramKind: { apiVersion: "A/", kind: "-" } }),
      [
        'spec.paramKind.apiVersion: Invalid value: "A": a lowercase RFC',
        'spec.paramKind.apiVersion: Invalid value: "A/": version must be specified',
        'spec.paramKind.kind: Invalid value: "-": may have mixed case, but should otherwise match: a DNS-1035',
      ],
    ],
    [
      errors({ ...good, paramKind: { apiVersion: "a/b/c", kind: "X" } }),
      ['spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
    ],
    [
      errors({
        ...good,
        matchConstraints: { matchPolicy: "", resourceRules: [{ ...rule, resourceNames: ["a", "a/b", "a"] }] },
      }),
      [
        'spec.matchConstraints.matchPolicy: Unsupported value: "": supported values: "Equivalent", "Exact"',
        `spec.matchConstraints.resourceRules[0].resourceNames[1]: Invalid value: "a/b": may not contain '/'`,
        'spec.matchConstraints.resourceRules[0].resourceNames[2]: Duplicate value: "a"',
      ],
    ],
    [
      errors({
        ...good,
        variables: [
          { name: "if", expression: "1" },
          { name: " ", expression: " " },
          { name: "a", expression: "b" },
          { name: "a", expression: "1" },
        ],
      }),
      [
        'spec.variables[0].name: Invalid value: "if": must be a valid CEL identifier',
        "spec.variables[1].name: Required value: name is not specified",
        "spec.variables[1].expression: Required value: expression is not specified",
        'spec.variables[2].expression: Invalid value: "b": compilation failed',
      ],
    ],
    [
      validation({ messageExpression: " ", message: " ", reason: "Unauthorized" }),
      [
        'spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified',
        'spec.validations[0].message: Invalid value: " ": must be non-empty if specified',
        'spec.validations[0].reason: Unsupported value: "Unauthorized": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
      ],
    ],
    [
      validation({ expression: " ", message: "a\rb", messageExpression: "1" }),
      [
        "spec.validations[0].expression: Required value: expression is not specified",
        'spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string but got int',
        'spec.validations[0].message: Invalid value: "a\\rb": must not contain line breaks',
      ],
    ],
    [
      validation({ expression: "object.spec.paused" }),
      ['spec.validations[0].expression: Invalid value: "object.spec.paused": must evaluate to bool but got dyn'],
    ],
    [validation({ expression: "true &&\ntrue" }), []],
    [
      errors({
        matchConstraints,
        auditAnnotations: [
          { key: "", valueExpression: " " },
          { key: "a", valueExpression: `'${"x".repeat(6000)}'` },
          { key: "a", valueExpression: " 1 " },
        ],
      }),
      [
        'spec.auditAnnotations[0].key: Invalid value: "p/": name part',
        'spec.auditAnnotations[0].key: Invalid value: "p/": name part',
        "spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified",
        "spec.auditAnnotations[1].valueExpression: Required value: must not exceed 5120 bytes in length",
        'spec.auditAnnotations[2].valueExpression: Invalid value: " 1 ": must evaluate to one of [string null_type] but got int',
        'spec.auditAnnotations[2].key: Duplicate value: "a"',
      ],
    ],
  ])("%#: %j", (found, expected) => {
    expect(found).toEqual(expected);
  });

  it("looks at conditions again when they change, or what their params are", () => {
    const old = { metadata: { name: "p" }, spec: { ...good, matchConditions: [{ name: "a", expression: "nil" }] } };
    const update = (change: object): string[] =>
      updated(info, old, (policy) => {
        Object.assign(policy.spec, change);
      }).messages.map((text) => text.split(":")[0] ?? "");
    expect(update({ variables: [] })).toEqual([]);
    expect(update({ paramKind: { apiVersion: "v1", kind: "ConfigMap" } })).toEqual([
      "spec.matchConditions[0].expression",
    ]);
  });
});

describe("MutatingAdmissionPolicy", () => {
  const info = infoOf("mutatingadmissionpolicies");
  const apply = { patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{}" } };
  const good = { matchConstraints, mutations: [apply], reinvocationPolicy: "Never" };
  const errors = (spec: object): string[] => createMessages(info, { metadata: { name: "p" }, spec });

  it.each<[string[], string[]]>([
    [errors(good), []],
    [
      errors({}),
      [
        "spec.matchConstraints: Required value",
        "spec.mutations: Required value: mutations must contain at least one item",
        "spec.reinvocationPolicy: Required value",
      ],
    ],
    [
      errors({ ...good, matchConstraints: { resourceRules: [{ ...rule, operations: ["DELETE"] }] } }),
      [
        'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
      ],
    ],
    [
      errors({ ...good, reinvocationPolicy: "x", mutations: [{}, { patchType: "x" }] }),
      [
        "spec.mutations[0].patchType: Required value",
        'spec.mutations[1].patchType: Unsupported value: "x": supported values: "ApplyConfiguration", "JSONPatch"',
        'spec.reinvocationPolicy: Unsupported value: "x": supported values: "Never", "IfNeeded"',
      ],
    ],
    [
      errors({
        ...good,
        mutations: [
          { ...apply, patchType: "JSONPatch" },
          { patchType: "ApplyConfiguration", applyConfiguration: { expression: " " }, jsonPatch: { expression: "[]" } },
        ],
      }),
      [
        "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch",
        'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
        "spec.mutations[1].applyConfiguration.expression: Required value",
        'spec.mutations[1].jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration',
      ],
    ],
  ])("%#: %j", (found, expected) => {
    expect(found).toEqual(expected);
  });
});

describe("bindings", () => {
  const validating = (spec: object): string[] =>
    short(createMessages(infoOf("validatingadmissionpolicybindings"), { metadata: { name: "b" }, spec }));
  const mutating = (spec: object): string[] =>
    createMessages(infoOf("mutatingadmissionpolicybindings"), { metadata: { name: "b" }, spec });

  it.each<[string[], string[]]>([
    [validating({ policyName: "p", validationActions: ["Deny", "Audit"] }), []],
    [
      validating({}),
      [
        "spec.policyName: Required value",
        "spec.validationActions: Required value: at least one validation action is required",
      ],
    ],
    [
      validating({ policyName: "P", validationActions: ["Deny", "Warn", "x", "x"] }),
      [
        'spec.policyName: Invalid value: "P": a lowercase RFC',
        'spec.validationActions[2]: Unsupported value: "x": supported values: "Audit", "Deny", "Warn"',
        'spec.validationActions[3]: Unsupported value: "x": supported values: "Audit", "Deny", "Warn"',
        'spec.validationActions[3]: Duplicate value: "x"',
        'spec.validationActions: Invalid value: ["Deny","Warn","x","x"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ],
    ],
    [
      mutating({ policyName: "p", paramRef: { name: "a/b", selector: {}, parameterNotFoundAction: "x" } }),
      [
        `spec.paramRef.name: Invalid value: "a/b": may not contain '/'`,
        "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
        "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
        'spec.paramRef.parameterNotFoundAction: Unsupported value: "x": supported values: "Deny", "Allow"',
      ],
    ],
    [
      mutating({ policyName: "p", paramRef: {} }),
      [
        "spec.paramRef: Required value: one of name or selector must be specified",
        "spec.paramRef.parameterNotFoundAction: Required value",
      ],
    ],
    [
      mutating({ policyName: "p", matchResources: { resourceRules: [{ ...rule, operations: ["DELETE"] }] } }),
      [
        'spec.matchResources.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
      ],
    ],
  ])("%#: %j", (found, expected) => {
    expect(found).toEqual(expected);
  });
});
