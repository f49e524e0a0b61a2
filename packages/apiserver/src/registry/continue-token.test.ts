import { StatusError } from "@knots/machinery";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { decodeContinue, encodeContinue } from "./continue-token.ts";

it("reads what it writes", () => {
  const token = fc.record({
    // Every store begins at revision 1; 0 is no place to go on from.
    revision: fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 2 ** 40 })),
    after: fc.string({ unit: "grapheme", minLength: 1 }),
  });
  fc.assert(
    fc.property(token, (each) => {
      fc.pre(!each.after.endsWith("\0"));
      expect(decodeContinue(encodeContinue(each))).toEqual(each);
    }),
  );
});

it("refuses everything else", () => {
  const json = fc.jsonValue({ maxDepth: 2 }).map((value) => Buffer.from(JSON.stringify(value)).toString("base64url"));
  const near = fc
    .record({
      v: fc.constantFrom<unknown>("meta.k8s.io/v1", "v1", null),
      rv: fc.oneof(fc.double(), fc.string(), fc.constant(null)),
      start: fc.oneof(fc.integer(), fc.constant("")),
    })
    .map((value) => Buffer.from(JSON.stringify(value)).toString("base64url"));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), json, near), (text) => {
      try {
        decodeContinue(text);
        expect.unreachable();
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        expect(error.reason).toBe("BadRequest");
      }
    }),
    { numRuns: 1000 },
  );
});
