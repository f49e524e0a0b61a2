import fc from "fast-check";
import { expect, it } from "vitest";
import { formatDuration, formatMicroTime, formatTime, parseDuration, parseTime } from "./time.ts";

it("writes times as the API does", () => {
  const date = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  expect(formatTime(date)).toBe("2026-01-02T03:04:05Z");
  expect(formatTime(new Date(date.getTime() + 321))).toBe("2026-01-02T03:04:05Z");
  expect(formatTime(new Date(date.getTime() + 322))).toBe("2026-01-02T03:04:06Z");
  expect(formatMicroTime(date)).toBe("2026-01-02T03:04:05.678000Z");
  expect(parseTime(formatMicroTime(date))).toEqual(date);
  expect(parseTime("2026-01-02T04:04:05+01:00").toISOString()).toBe("2026-01-02T03:04:05.000Z");
});

it.each(["", "2026-01-02", "tomorrow", "2026-13-02T03:04:05Z"])("takes no %j for a time", (text) => {
  expect(() => parseTime(text)).toThrow(SyntaxError);
});

it.each([
  ["0", 0, "0s"],
  ["1h30m", 5_400_000, "1h30m0s"],
  ["1.5s", 1500, "1.5s"],
  ["250ms", 250, "250ms"],
  ["-2m", -120_000, "-2m0s"],
  ["100us", 0.1, "100µs"],
])("reads %s as %d ms and writes %s", (text, ms, written) => {
  expect(parseDuration(text)).toBeCloseTo(ms, 9);
  expect(formatDuration(ms)).toBe(written);
});

it.each([
  ["", "invalid"],
  ["1", "missing unit in"],
  ["1h5", "missing unit in"],
  ["s", "invalid"],
  ["1..2s", "invalid"],
  ["1d", 'unknown unit "d" in'],
  ["1h 2m", 'unknown unit "h " in'],
  ["-", "invalid"],
])("takes no %j for a duration", (text, problem) => {
  expect(() => parseDuration(text)).toThrow(`time: ${problem} duration ${JSON.stringify(text)}`);
});

it("reads the durations it writes", () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e12, max: 1e12 }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBeCloseTo(ms, 3);
    }),
  );
});
