import { parseDuration } from "@knots/machinery";
import { parseField } from "./field.ts";
import type { Field } from "./field.ts";
import { Zone } from "./zoned-time.ts";

/** When something is due. Instants in ms since the epoch. */
export interface Schedule {
  /** The first due instant after `after`; undefined when there is none within five years ("59 23 31 2 *"). */
  next(after: number): number | undefined;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const DESCRIPTORS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/**
 * Reads a schedule by the rules of robfig/cron's standard parser: minute, hour, day of month, month, day of week; or a
 * descriptor; with an optional TZ= or CRON_TZ= in front. Throws an Error in its words.
 */
export function parseSchedule(spec: string, zone: Zone): Schedule {
  if (spec.length === 0) throw new Error("empty spec string");
  const prefix = /^(?:TZ|CRON_TZ)=(\S*)\s*(.*)$/s.exec(spec);
  if (prefix !== null) return parseSchedule(prefix[2] ?? "", namedZone(prefix[1] ?? ""));
  if (spec.startsWith("@")) return parseDescriptor(spec, zone);
  const fields = spec.trim().split(/\s+/);
  if (fields.length !== 5) throw new Error(`expected exactly 5 fields, found ${fields.length}: [${fields.join(" ")}]`);
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  return new CronSchedule(zone, {
    minute: parseField(minute, { min: 0, max: 59 }),
    hour: parseField(hour, { min: 0, max: 23 }),
    day: parseField(day, { min: 1, max: 31 }),
    month: parseField(month, { min: 1, max: 12, names: new Map(MONTHS.map((name, i) => [name, i + 1])) }),
    weekday: parseField(weekday, { min: 0, max: 6, names: new Map(DAYS.map((name, i) => [name, i])) }),
  });
}

function namedZone(name: string): Zone {
  try {
    return new Zone(name);
  } catch {
    throw new Error(`provided bad location ${name}: unknown time zone ${name}`);
  }
}

function parseDescriptor(spec: string, zone: Zone): Schedule {
  const fields = DESCRIPTORS[spec];
  if (fields !== undefined) return parseSchedule(fields, zone);
  const every = /^@every (.*)$/.exec(spec);
  if (every === null) throw new Error(`unrecognized descriptor: ${spec}`);
  let ms: number;
  try {
    ms = parseDuration(every[1] ?? "");
  } catch (error) {
    throw new Error(`failed to parse duration ${spec}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  // Whole seconds, at least one.
  const delay = Math.max(SECOND, Math.floor(ms / SECOND) * SECOND);
  return { next: (after) => Math.floor(after / SECOND) * SECOND + delay };
}

interface Fields {
  readonly minute: Field;
  readonly hour: Field;
  readonly day: Field;
  readonly month: Field;
  readonly weekday: Field;
}

class CronSchedule implements Schedule {
  readonly #zone: Zone;
  readonly #fields: Fields;

  constructor(zone: Zone, fields: Fields) {
    this.#zone = zone;
    this.#fields = fields;
  }

  // Finds the first matching month, in it the first matching day, and so on; whenever a smaller unit wraps around, the
  // larger ones are checked again. The wall clock may skip or repeat hours: days step by date, hours by elapsed time.
  next(after: number): number | undefined {
    const { minute, hour, month } = this.#fields;
    const zone = this.#zone;
    let t = Math.floor(after / SECOND) * SECOND + SECOND;
    const lastYear = zone.wall(t).year + 5;
    // Once a larger unit moved, the smaller ones stand at their beginning already.
    let moved = false;
    search: for (;;) {
      let wall = zone.wall(t);
      if (wall.year > lastYear) return undefined;
      while (!month.has(wall.month)) {
        moved = true;
        t = zone.instant(wall.year, wall.month + 1, 1);
        wall = zone.wall(t);
        if (wall.month === 1) continue search;
      }
      while (!this.#dayMatches(wall.day, wall.weekday)) {
        moved = true;
        t = this.#midnight(zone.instant(wall.year, wall.month, wall.day + 1));
        wall = zone.wall(t);
        if (wall.day === 1) continue search;
      }
      while (!hour.has(wall.hour)) {
        if (!moved) t = zone.instant(wall.year, wall.month, wall.day, wall.hour);
        moved = true;
        t += HOUR;
        wall = zone.wall(t);
        if (wall.hour === 0) continue search;
      }
      while (!minute.has(wall.minute)) {
        if (!moved) t = Math.floor(t / MINUTE) * MINUTE;
        moved = true;
        t += MINUTE;
        wall = zone.wall(t);
        if (wall.minute === 0) continue search;
      }
      if (wall.second !== 0) {
        moved = true;
        t = Math.floor(t / MINUTE) * MINUTE + MINUTE;
        continue;
      }
      return t;
    }
  }

  // A zone that changes its clock at midnight has days that begin at 23:00 or 01:00.
  #midnight(t: number): number {
    const { hour } = this.#zone.wall(t);
    if (hour === 0) return t;
    return hour > 12 ? t + (24 - hour) * HOUR : t - hour * HOUR;
  }

  // Where both fields restrict the day, either is enough; a star in one leaves it to the other.
  #dayMatches(dayOfMonth: number, weekday: number): boolean {
    const { day, weekday: dow } = this.#fields;
    const matchesDay = day.has(dayOfMonth);
    const matchesWeekday = dow.has(weekday);
    return day.star || dow.star ? matchesDay && matchesWeekday : matchesDay || matchesWeekday;
  }
}
