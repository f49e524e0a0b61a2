import { describe, expect, test } from "vitest";
import { parseSchedule } from "./schedule.ts";
import { Zone } from "./zoned-time.ts";

const utc = new Zone("UTC");

function next(spec: string, after: string, zone = utc): string | undefined {
  const at = parseSchedule(spec, zone).next(Date.parse(after));
  return at === undefined ? undefined : zone.format(at);
}

describe("next", () => {
  test.each([
    ["* * * * *", "2012-07-09T14:45:00Z", "2012-07-09T14:46:00Z"],
    ["* * * * *", "2012-07-09T14:45:59Z", "2012-07-09T14:46:00Z"],
    ["*/15 * * * *", "2012-07-09T15:45:00Z", "2012-07-09T16:00:00Z"],
    ["20-35/15 * * * *", "2012-07-09T14:45:00Z", "2012-07-09T15:20:00Z"],
    ["20-35/15 * * * *", "2012-07-09T15:20:00Z", "2012-07-09T15:35:00Z"],
    ["*/35 * * * *", "2012-07-09T23:46:00Z", "2012-07-10T00:00:00Z"],
    ["0 0 29 feb ?", "2012-03-01T00:00:00Z", "2016-02-29T00:00:00Z"],
    ["0 0 * * Mon", "2012-07-10T00:00:00Z", "2012-07-16T00:00:00Z"],
    ["30 6-16/4 * * 1-5", "2026-11-20T14:31:00Z", "2026-11-23T06:30:00Z"],
    ["5/20 * * * *", "2026-11-20T14:31:00Z", "2026-11-20T14:45:00Z"],
    ["@hourly", "2026-11-20T14:31:00Z", "2026-11-20T15:00:00Z"],
    ["@weekly", "2026-11-24T00:00:00Z", "2026-11-29T00:00:00Z"],
    ["@yearly", "2026-11-24T00:00:00Z", "2027-01-01T00:00:00Z"],
    ["@every 90s", "2026-11-24T00:00:00.7Z", "2026-11-24T00:01:30Z"],
  ])("%s after %s is %s", (spec, after, want) => {
    expect(next(spec, after)).toBe(want);
  });

  test("both day fields restricted: either is enough", () => {
    expect(next("0 0 13 * 5", "2026-11-11T00:00:00Z")).toBe("2026-11-13T00:00:00Z");
    expect(next("0 0 13 * 5", "2026-11-13T00:00:00Z")).toBe("2026-11-20T00:00:00Z");
  });

  test("a stepped star restricts: */2 of days or Sundays", () => {
    expect(next("0 0 */2 * 0", "2026-11-21T00:00:00Z")).toBe("2026-11-22T00:00:00Z");
  });

  test("a plain star leaves the day to the other field", () => {
    expect(next("0 0 * * 0", "2026-11-24T00:00:00Z")).toBe("2026-11-29T00:00:00Z");
    expect(next("0 0 ? * 0", "2026-11-24T00:00:00Z")).toBe("2026-11-29T00:00:00Z");
  });

  test("a day that never comes", () => {
    expect(next("59 23 31 2 *", "2026-11-24T00:00:00Z")).toBeUndefined();
  });
});

describe("daylight saving", () => {
  const newYork = new Zone("America/New_York");

  test("an hour that is skipped is not run", () => {
    expect(next("30 2 11 3 ?", "2012-03-11T00:00:00-05:00", newYork)).toBe("2013-03-11T02:30:00-04:00");
  });

  test("hourly goes on over the gap", () => {
    expect(next("0 * * * ?", "2012-03-11T01:00:00-05:00", newYork)).toBe("2012-03-11T03:00:00-04:00");
  });

  test("an hour that comes twice runs twice", () => {
    expect(next("0 * * * ?", "2012-11-04T01:00:00-04:00", newYork)).toBe("2012-11-04T01:00:00-05:00");
  });

  test("daily after the change keeps its wall time", () => {
    expect(next("0 0 * * ?", "2012-11-04T00:00:00-04:00", newYork)).toBe("2012-11-05T00:00:00-05:00");
  });

  test("a TZ prefix overrides the zone", () => {
    expect(next("TZ=Asia/Tokyo 0 9 * * *", "2026-11-24T01:00:00Z")).toBe("2026-11-25T00:00:00Z");
  });
});

describe("what is refused", () => {
  test.each([
    ["", "empty spec string"],
    ["* * * *", "expected exactly 5 fields, found 4: [* * * *]"],
    ["5 j * * *", "failed to parse int from j"],
    ["60 * * * *", "end of range (60) above maximum (59): 60"],
    ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
    ["* * * * 7", "end of range (7) above maximum (6): 7"],
    ["5-2 * * * *", "beginning of range (5) beyond end of range (2): 5-2"],
    ["*/0 * * * *", "step of range should be a positive number: */0"],
    ["1-2-3 * * * *", "too many hyphens: 1-2-3"],
    ["1/2/3 * * * *", "too many slashes: 1/2/3"],
    ["@unrecognized", "unrecognized descriptor: @unrecognized"],
  ])("%s: %s", (spec, message) => {
    expect(() => parseSchedule(spec, utc)).toThrow(message);
  });
});
