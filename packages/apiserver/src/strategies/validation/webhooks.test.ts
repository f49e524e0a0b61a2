import { FieldPath, formatFieldError } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { validateConversion } from "./conversion.ts";
import { validateWebhookClient, validateWebhookRules } from "./webhooks.ts";

const webhook = {
  name: "a.example.com",
  clientConfig: { service: { name: "s", namespace: "n", path: "/x" } },
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  failurePolicy: "Fail",
  matchPolicy: "Equivalent",
};

const client = (more: object): string[] => {
  const errors: FieldError[] = [];
  validateWebhookClient({ ...webhook, ...more }, FieldPath.root("w"), errors);
  return errors.map(formatFieldError);
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
      "c.conversionReviewVersions: Required value: must specify one of v1, v1beta1",
    ]);
    expect(of({ strategy: "None", webhook: { conversionReviewVersions: ["v1"] } })).toEqual([
      "c.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook",
    ]);
  });
});
