import { expect, test } from "vitest";
import { checkGoawayChance, checkStrictTransportSecurity, connectionFilter } from "./connection-filters.ts";
import type { ApiRequest, ApiResponse } from "./types.ts";

function filtered(options: Parameters<typeof connectionFilter>[0], httpVersionMajor: number, random: number) {
  const headers: Record<string, unknown> = {};
  let closed = 0;
  const stream = { closed: false, session: { close: () => void closed++ } };
  const request = { httpVersionMajor, stream } as unknown as ApiRequest;
  const response = { setHeader: (name: string, value: unknown) => (headers[name] = value) } as unknown as ApiResponse;
  connectionFilter(options, () => random)?.(request, response);
  return { headers, closed };
}

test("by chance a connection over HTTP/2 takes no further requests", () => {
  expect(filtered({ goawayChance: 0.01 }, 2, 0.005).closed).toBe(1);
  expect(filtered({ goawayChance: 0.01 }, 2, 0.01).closed).toBe(0);
  expect(filtered({ goawayChance: 0.01 }, 1, 0).closed).toBe(0);
  expect(connectionFilter({ goawayChance: 0 })).toBeUndefined();
  expect([0, 0.02].map(checkGoawayChance)).toEqual([0, 0.02]);
  for (const chance of [-1, 0.021, NaN]) expect(() => checkGoawayChance(chance)).toThrow("--goaway-chance");
});

test("browsers are told to use HTTPS alone", () => {
  const strictTransportSecurity = ["max-age=31536000", "includeSubDomains", "preload"];
  expect(filtered({ strictTransportSecurity }, 1, 0).headers).toEqual({
    "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
  });
  expect(checkStrictTransportSecurity(strictTransportSecurity)).toBe(strictTransportSecurity);
  for (const bad of ["max-age", "max-age=x", "other"])
    expect(() => checkStrictTransportSecurity([bad])).toThrow(bad === "" ? "" : "invalid");
});
