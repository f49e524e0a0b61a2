import { FieldPath, formatFieldError } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { validateConversion } from "./conversion.ts";
import { validateWebhookRules, validateWebhooks } from "./webhooks.ts";

const webhook = {
  name: "a.example.com",
  clientConfig: { service: { name: "s", namespace: "n", path: "/x" } },
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  failurePolicy: "Fail",
  matchPolicy: "Equivalent",
};

const client = (more: object): string[] => {
  const errors = validateWebhooks({ webhooks: [{ ...webhook, ...more }] });
  return errors.map(formatFieldError).map((text) => text.replace("webhooks[0]", "w"));
};
const resources = (...resources: string[]): string[] => {
  const errors: FieldError[] = [];
  const rule = { operations: ["CREATE"], apiGroups: ["*"], apiVersions: ["*"], resources };
  validateWebhookRules([rule], FieldPath.root("r"), errors);
  return errors.map(formatFieldError);
};

describe("webhook validation", () => {
  it.each([
    [{}, []],
    [
      { name: "a.b" },
      ['w.name: Invalid value: "a.b": should be a domain with at least three segments separated by dots'],
    ],
    [{ sideEffects: undefined }, ["w.sideEffects: Required value: must specify one of None, NoneOnDryRun"]],
    [{ sideEffects: "Some" }, ['w.sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"']],
    [{ admissionReviewVersions: [] }, ["w.admissionReviewVersions: Required value: must specify one of v1, v1beta1"]],
    [
      { admissionReviewVersions: ["v1", "v1"] },
      ['w.admissionReviewVersions[1]: Invalid value: "v1": duplicate version'],
    ],
    [
      { clientConfig: { url: "http://x/y?z" } },
      [
        `w.clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
        'w.clientConfig.url: Invalid value: "z": query parameters are not permitted in the URL',
      ],
    ],
    [
      { clientConfig: { service: { name: "s", namespace: "n", path: "/a//b" } } },
      ['w.clientConfig.service.path: Invalid value: "/a//b": segment[1] may not be empty'],
    ],
    [
      {
        matchConditions: [
          { name: "a", expression: "" },
          { name: "a", expression: "true" },
        ],
      },
      ["w.matchConditions[0].expression: Required value", 'w.matchConditions[1].name: Duplicate value: "a"'],
    ],
  ])("%j", (more, expected) => {
    expect(client(more)).toEqual(expected);
  });

  it("refuses patterns that others cover", () => {
    expect(resources("pods", "pods/*", "*/status")).toEqual([]);
    expect(resources("pods/*", "pods/exec")).toEqual([
      `r[0].resources[1]: Invalid value: "pods/exec": if 'pods/*' is present, must not specify pods/exec`,
    ]);
    expect(resources("*", "pods")[0]).toContain(
      "if '*' is present, must not specify other resources without subresources",
    );
    expect(resources("*/*", "pods")[0]).toContain("if '*/*' is present, must not specify other resources");
  });

  it("keeps conversion whole", () => {
    const of = (conversion: object): string[] => {
      const errors: FieldError[] = [];
      validateConversion(conversion as never, FieldPath.root("c"), errors);
      return errors.map(formatFieldError);
    };
    expect(of({ strategy: "Webhook" })).toEqual([
      "c.webhookClientConfig: Required value: required when strategy is set to Webhook",
      "c.conversionReviewVersions: Required value",
    ]);
    expect(of({ strategy: "None", webhook: { conversionReviewVersions: ["v1"] } })).toEqual([
      "c.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook",
    ]);
  });

  it("says everything in upstream's order", () => {
    const bad = {
      name: "a.b.c.",
      rules: [{ operations: ["*", "EAT"], apiGroups: [], apiVersions: ["*", ""], resources: [], scope: "" }],
      failurePolicy: "",
      matchPolicy: "",
      sideEffects: "",
      timeoutSeconds: 31,
      reinvocationPolicy: "",
      clientConfig: {},
      matchConditions: [{ name: "a/b/c", expression: " nil " }],
      admissionReviewVersions: ["v2"],
    };
    expect(
      client(bad).map((text) => text.replace(/(: a lowercase RFC|: a qualified name|: compilation failed).*/s, "$1")),
    ).toEqual([
      'w.name: Invalid value: "a.b.c.": a lowercase RFC',
      `w.rules[0].operations: Invalid value: ["*","EAT"]: if '*' is present, must not specify other operations`,
      'w.rules[0].operations[1]: Unsupported value: "EAT": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
      "w.rules[0].apiGroups: Required value",
      `w.rules[0].apiVersions: Invalid value: ["*",""]: if '*' is present, must not specify other API versions`,
      "w.rules[0].apiVersions[1]: Required value",
      "w.rules[0].resources: Required value",
      'w.rules[0].scope: Unsupported value: "": supported values: "*", "Cluster", "Namespaced"',
      'w.failurePolicy: Unsupported value: "": supported values: "Fail", "Ignore"',
      'w.matchPolicy: Unsupported value: "": supported values: "Equivalent", "Exact"',
      'w.sideEffects: Unsupported value: "": supported values: "None", "NoneOnDryRun"',
      "w.timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
      'w.reinvocationPolicy: Unsupported value: "": supported values: "IfNeeded", "Never"',
      "w.clientConfig: Required value: exactly one of url or service is required",
      'w.matchConditions[0].expression: Invalid value: "nil": compilation failed',
      'w.matchConditions[0].name: Invalid value: "a/b/c": a qualified name',
      'w.admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1',
    ]);
  });

  it("lets be what was so before", () => {
    const old = {
      webhooks: [
        {
          ...webhook,
          sideEffects: "Some",
          admissionReviewVersions: ["v2"],
          namespaceSelector: { matchExpressions: [{ key: "a", operator: "In", values: ["-"] }] },
          matchConditions: [{ name: "a", expression: "nil" }],
        },
        webhook,
        webhook,
      ],
    };
    expect(validateWebhooks(old).map(({ field }) => field)).toEqual([
      "webhooks[0].sideEffects",
      "webhooks[0].namespaceSelector.matchExpressions[0].values[0]",
      "webhooks[0].matchConditions[0].expression",
      "webhooks[0].admissionReviewVersions",
      "webhooks[1].name",
      "webhooks[2].name",
    ]);
    expect(validateWebhooks(old, old)).toEqual([]);
    const worse = { webhooks: [...old.webhooks, { ...webhook, sideEffects: "Many" }] };
    expect(validateWebhooks(worse, old).map(formatFieldError).at(-1)).toBe(
      'webhooks[3].sideEffects: Unsupported value: "Many": supported values: "None", "NoneOnDryRun", "Some", "Unknown"',
    );
    // A webhook came: match conditions are looked at again.
    expect(validateWebhooks(worse, old).map(({ field }) => field)).toContain(
      "webhooks[0].matchConditions[0].expression",
    );
  });

  it("tells of users in URLs", () => {
    expect(client({ clientConfig: { url: "https://me@x" } })).toEqual([
      'w.clientConfig.url: Invalid value: "me": user information is not permitted in the URL',
    ]);
  });
});
