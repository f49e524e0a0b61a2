import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { durationNanos, formatNanos, normalizeMicroTime, normalizeTime } from "./times.ts";

describe("times", () => {
  it.each([
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"],
    ["2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z"],
    ["2026-01-02T00:04:05+01:00", "2026-01-01T23:04:05Z"],
  ])("%s → %s", (text, expected) => expect(normalizeTime(text)).toBe(expected));

  it.each(["2026-02-30T00:00:00.0Z", "2026-01-02", "yesterday", "2026-01-02T25:00:00Z", ""])("refuses %j", (text) => {
    expect(() => normalizeTime(text)).toThrow(/^parsing time/);
    expect(() => normalizeMicroTime(text)).toThrow(/^parsing time/);
  });

  it("gives micro times six digits", () => {
    expect(normalizeMicroTime("2026-01-02T03:04:05Z")).toBe("2026-01-02T03:04:05.000000Z");
  });
});

describe("durations", () => {
  it.each([
    ["90m", "1h30m0s"],
    ["1.5s", "1.5s"],
    ["300ms", "300ms"],
    ["0", "0s"],
    ["-1h", "-1h0m0s"],
    ["1h2m3s", "1h2m3s"],
  ])("%s → %s", (text, expected) => expect(formatNanos(durationNanos(text))).toBe(expected));

  it("reads what it writes", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
        (nanos) => durationNanos(formatNanos(nanos)) === nanos,
      ),
    );
  });

  it.each(["", "1", "5x", "h"])("refuses %j", (text) => {
    expect(() => durationNanos(text)).toThrow(/^time: invalid duration/);
  });
});
