import { expect, it } from "vitest";
import { allowedOrigins } from "./cors.ts";

it.each(["^https://a\\.example$", "//a\\.example:", "//a\\.example(:|$)", "^https?://localhost:\\d+$"])(
  "takes %s for a pattern of origins",
  (pattern) => {
    expect(allowedOrigins([pattern])).toEqual([pattern]);
  },
);

it.each([
  ["(", "has an invalid regular expression: ("],
  ["a\\.example$", "must pin the start of the host with '^' or '//': a\\.example$"],
  ["^https://a\\.example", "must pin the end of the host with '$' or the port separator ':': ^https://a\\.example"],
])("refuses %s", (pattern, problem) => {
  expect(() => allowedOrigins([pattern])).toThrow(`--cors-allowed-origins ${problem}`);
});
