import { describe, expect, it } from "vitest";
import { mergeDefinitions } from "./merge-openapi.ts";

describe("mergeDefinitions", () => {
  it("renames what is defined otherwise already, references included, and keeps equal ones once", () => {
    const into = {
      definitions: { Same: { type: "string" }, Meta: { type: "object" } } as Record<string, unknown>,
      paths: { "/a": 1 } as Record<string, unknown>,
    };
    mergeDefinitions(into, {
      definitions: {
        Same: { type: "string" },
        Meta: { type: "array", items: { $ref: "#/definitions/Meta" } },
        New: { $ref: "#/definitions/Same" },
      },
      paths: { "/a": 2, "/b": { schema: [{ $ref: "#/definitions/Meta" }] } },
    });
    expect(into).toEqual({
      definitions: {
        Same: { type: "string" },
        Meta: { type: "object" },
        Meta_v2: { type: "array", items: { $ref: "#/definitions/Meta_v2" } },
        New: { $ref: "#/definitions/Same" },
      },
      paths: { "/a": 1, "/b": { schema: [{ $ref: "#/definitions/Meta_v2" }] } },
    });
  });
});
