import { describe, expect, it } from "vitest";
import { selectorsOfQuery, selectorsOfReview } from "./selectors.ts";

describe("selectorsOfReview", () => {
  it("says nothing where nothing is said", () => {
    expect(selectorsOfReview({})).toEqual({});
  });

  it("parses raw selectors", () => {
    expect(
      selectorsOfReview({
        fieldSelector: { rawSelector: "a=1,b!=2" },
        labelSelector: { rawSelector: "x in (1,2),!y" },
      }),
    ).toEqual({
      fieldSelector: {
        requirements: [
          { field: "a", operator: "=", value: "1" },
          { field: "b", operator: "!=", value: "2" },
        ],
      },
      labelSelector: {
        requirements: [
          { key: "x", operator: "in", values: ["1", "2"] },
          { key: "y", operator: "!", values: [] },
        ],
      },
    });
  });

  it("leaves out what it cannot read, which makes the question broader", () => {
    const { fieldSelector, labelSelector } = selectorsOfReview({
      fieldSelector: {
        requirements: [
          { key: "a", operator: "In", values: ["1"] },
          { key: "b", operator: "NotIn", values: ["2"] },
          { key: "c", operator: "In", values: ["1", "2"] },
          { key: "d", operator: "Exists" },
          { key: "e", operator: "Newer" },
          { key: "f", operator: "NotIn" },
        ],
      },
      labelSelector: {
        requirements: [
          { key: "a", operator: "Exists" },
          { key: "b", operator: "Newer" },
        ],
      },
    });
    expect(fieldSelector).toEqual({
      requirements: [
        { field: "a", operator: "=", value: "1" },
        { field: "b", operator: "!=", value: "2" },
      ],
      error:
        'fieldSelectors do not yet support multiple values, fieldSelectors do not yet support Exists, "Newer" is not a valid field selector operator, fieldSelectors not in must have one value',
    });
    expect(labelSelector).toEqual({
      requirements: [{ key: "a", operator: "exists", values: [] }],
      error: '"Newer" is not a valid label selector operator',
    });
    expect(selectorsOfReview({ fieldSelector: { rawSelector: "nonsense" } }).fieldSelector).toMatchObject({
      requirements: [],
    });
  });

  it("reads a query's", () => {
    expect(selectorsOfQuery(new URLSearchParams())).toEqual({});
    expect(selectorsOfQuery(new URLSearchParams({ fieldSelector: "spec.nodeName=n1", labelSelector: "a" }))).toEqual({
      fieldSelector: { requirements: [{ field: "spec.nodeName", operator: "=", value: "n1" }] },
      labelSelector: { requirements: [{ key: "a", operator: "exists", values: [] }] },
    });
  });
});
