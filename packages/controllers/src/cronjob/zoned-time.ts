/** The wall clock of a time zone. `month` is 1 to 12, `weekday` 0 (Sunday) to 6. */
export interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly weekday: number;
}

/** Arithmetic of one time zone, with Go's choices where a wall time occurs twice or never. */
export class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat | undefined;

  /** Throws RangeError where `name` is no zone of the IANA database. */
  constructor(name: string) {
    this.name = name;
    this.#format =
      name === "UTC"
        ? undefined
        : new Intl.DateTimeFormat("en-US", {
            timeZone: name,
            calendar: "iso8601",
            hourCycle: "h23",
            year: "numeric",
            month: "numeric",
            day: "numeric",
            hour: "numeric",
            minute: "numeric",
            second: "numeric",
          });
  }

  /** Ms east of UTC at that instant. */
  offset(ms: number): number {
    if (this.#format === undefined) return 0;
    const seconds = Math.floor(ms / 1000) * 1000;
    const fields: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(seconds)) fields[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
    return Date.UTC(year, month - 1, day, hour, minute, second) - seconds;
  }

  wall(ms: number): WallTime {
    const local = new Date(ms + this.offset(ms));
    return {
      year: local.getUTCFullYear(),
      month: local.getUTCMonth() + 1,
      day: local.getUTCDate(),
      hour: local.getUTCHours(),
      minute: local.getUTCMinutes(),
      second: local.getUTCSeconds(),
      weekday: local.getUTCDay(),
    };
  }

  /** The instant of a wall time; fields out of range carry over (day 32, month 13). */
  instant(year: number, month: number, day: number, hour = 0, minute = 0, second = 0): number {
    const local = Date.UTC(year, month - 1, day, hour, minute, second);
    const guess = this.offset(local);
    if (guess === 0) return local;
    const actual = this.offset(local - guess);
    return local - (actual === guess ? guess : actual);
  }

  /** RFC 3339 with the zone's offset, "Z" for none. */
  format(ms: number): string {
    const offset = this.offset(ms);
    const text = new Date(ms + offset).toISOString().slice(0, 19);
    if (offset === 0) return `${text}Z`;
    const minutes = Math.abs(Math.trunc(offset / 60_000));
    const pad = (n: number): string => String(n).padStart(2, "0");
    return `${text}${offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
  }
}
