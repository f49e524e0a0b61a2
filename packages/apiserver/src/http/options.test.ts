import { describe, expect, it } from "vitest";
import { managerFromUserAgent } from "./options.ts";

describe("managerFromUserAgent", () => {
  it.each([
    ["kubectl/v1.36.0 (linux/amd64) kubernetes/abc", "kubectl"],
    ["plain", "plain"],
    ["a\tb\u0000c/1", "abc"],
    ["", "unknown"],
    ["/x", "unknown"],
    ["x".repeat(200), "x".repeat(128)],
    ["é".repeat(100), "é".repeat(64)],
  ])("%j is %j", (userAgent, manager) => {
    expect(managerFromUserAgent(userAgent)).toBe(manager);
  });
});
