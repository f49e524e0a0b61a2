import { CelError } from "../errors.ts";
import { method } from "../functions.ts";
import type { Functions, Overload } from "../functions.ts";
import type { Timestamp } from "../time-values.ts";
import { DURATION, INT, STRING, TIMESTAMP } from "../types.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

/** The wall clock of a time zone, as a Date whose UTC fields tell it. */
function local(time: Timestamp, zone: string): Date {
  const offset = /^([+-]?)(\d{1,2}):(\d\d)$/.exec(zone);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    return new Date(time.millis + (offset[1] === "-" ? -minutes : minutes) * 60_000);
  }
  if (zone === "UTC" || zone === "") return new Date(time.millis);
  let format = formats.get(zone);
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat("en-US", {
        timeZone: zone,
        hourCycle: "h23",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
        second: "numeric",
        era: "short",
      });
    } catch {
      throw new CelError(`unknown time zone ${zone}`);
    }
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(time.millis).map(({ type, value }) => [type, Number(value)]));
  const date = new Date(0);
  date.setUTCFullYear(parts["year"] ?? 0, (parts["month"] ?? 1) - 1, parts["day"] ?? 1);
  date.setUTCHours(parts["hour"] ?? 0, parts["minute"] ?? 0, parts["second"] ?? 0, date.getMilliseconds());
  date.setUTCMilliseconds(((time.millis % 1000) + 1000) % 1000);
  return date;
}

function getter(id: string, read: (date: Date) => number): readonly Overload[] {
  return [
    method(`timestamp_to_${id}`, [TIMESTAMP], INT, (time) => BigInt(read(new Date(time.millis)))),
    method(`timestamp_to_${id}_with_tz`, [TIMESTAMP, STRING], INT, (time, zone) => BigInt(read(local(time, zone)))),
  ];
}

function dayOfYear(date: Date): number {
  const start = new Date(date);
  start.setUTCMonth(0, 1);
  start.setUTCHours(0, 0, 0, 0);
  return Math.floor((date.getTime() - start.getTime()) / 86_400_000);
}

const NANOS = { hour: 3_600_000_000_000n, minute: 60_000_000_000n, second: 1_000_000_000n, milli: 1_000_000n };

export const times: Functions = {
  getFullYear: getter("year", (date) => date.getUTCFullYear()),
  getMonth: getter("month", (date) => date.getUTCMonth()),
  getDayOfYear: getter("day_of_year", dayOfYear),
  getDayOfMonth: getter("day_of_month", (date) => date.getUTCDate() - 1),
  getDate: getter("day_of_month_1_based", (date) => date.getUTCDate()),
  getDayOfWeek: getter("day_of_week", (date) => date.getUTCDay()),
  getHours: [
    ...getter("hours", (date) => date.getUTCHours()),
    method("duration_to_hours", [DURATION], INT, ({ nanos }) => nanos / NANOS.hour),
  ],
  getMinutes: [
    ...getter("minutes", (date) => date.getUTCMinutes()),
    method("duration_to_minutes", [DURATION], INT, ({ nanos }) => nanos / NANOS.minute),
  ],
  getSeconds: [
    ...getter("seconds", (date) => date.getUTCSeconds()),
    method("duration_to_seconds", [DURATION], INT, ({ nanos }) => nanos / NANOS.second),
  ],
  getMilliseconds: [
    ...getter("milliseconds", (date) => date.getUTCMilliseconds()),
    method("duration_to_milliseconds", [DURATION], INT, ({ nanos }) => (nanos % NANOS.second) / NANOS.milli),
  ],
};
