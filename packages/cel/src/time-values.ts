import { CelError } from "./errors.ts";
import { DURATION, TIMESTAMP } from "./types.ts";
import type { CelType } from "./types.ts";
import { CelObject } from "./values.ts";
import type { Value } from "./values.ts";

const SECOND = 1_000_000_000n;
const MIN_SECONDS = -62_135_596_800n;
const MAX_SECONDS = 253_402_300_799n;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** A point in time, in nanoseconds since the epoch; years 1 to 9999. */
export class Timestamp extends CelObject {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    super();
    const seconds = floorDiv(nanos, SECOND);
    if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) throw new CelError("timestamp overflow");
    this.nanos = nanos;
  }

  /** RFC 3339. */
  static parse(text: string): Timestamp | undefined {
    const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text);
    if (match === null) return undefined;
    const [, date = "", time = "", fraction = "", zone = ""] = match;
    const millis = Date.parse(`${date}T${time}${zone}`);
    // Date rolls over days that a month does not have.
    if (Number.isNaN(millis) || new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10) !== date) return undefined;
    try {
      return new Timestamp(BigInt(millis) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, "0")));
    } catch {
      return undefined;
    }
  }

  get type(): CelType {
    return TIMESTAMP;
  }

  get seconds(): bigint {
    return floorDiv(this.nanos, SECOND);
  }

  get millis(): number {
    return Number(floorDiv(this.nanos, 1_000_000n));
  }

  equals(other: Value): boolean {
    return other instanceof Timestamp && other.nanos === this.nanos;
  }

  override compare(other: Value): number | undefined {
    return other instanceof Timestamp ? Number(this.nanos - other.nanos) : undefined;
  }

  /** RFC 3339 with as many digits as it takes. */
  override toString(): string {
    const fraction = (this.nanos - this.seconds * SECOND).toString().padStart(9, "0").replace(/0+$/, "");
    const text = new Date(Number(this.seconds) * 1000).toISOString().slice(0, 19);
    return `${text}${fraction === "" ? "" : `.${fraction}`}Z`;
  }
}

const DURATION_PART = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;
/** Of an integer of 64 bits. As in Go, further digits of a fraction do not count. */
const MOST_DIGITS = 19;

export class Duration extends CelObject {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    super();
    if (nanos < INT64_MIN || nanos > INT64_MAX) throw new CelError("duration overflow");
    this.nanos = nanos;
  }

  /** Go's syntax: "1h30m", "-1.5s". */
  static parse(text: string): Duration | undefined {
    const negative = text.startsWith("-");
    let at = negative || text.startsWith("+") ? 1 : 0;
    if (text.slice(at) === "0") return new Duration(0n);
    if (at === text.length) return undefined;
    let nanos = 0n;
    while (at < text.length) {
      DURATION_PART.lastIndex = at;
      const [all = "", whole = "", fraction = "", unit = ""] = DURATION_PART.exec(text) ?? [];
      if (whole === "" && fraction === "") return undefined;
      at += all.length;
      const scale = UNITS[unit] ?? 0n;
      const digits = whole.replace(/^0+/, "");
      if (digits.length > MOST_DIGITS) return undefined;
      nanos += BigInt(digits) * scale;
      if (fraction !== "") {
        const decimals = fraction.slice(0, MOST_DIGITS);
        nanos += (BigInt(decimals) * scale) / 10n ** BigInt(decimals.length);
      }
      if (nanos > INT64_MAX + 1n) return undefined;
    }
    if (negative) nanos = -nanos;
    return nanos > INT64_MAX ? undefined : new Duration(nanos);
  }

  get type(): CelType {
    return DURATION;
  }

  equals(other: Value): boolean {
    return other instanceof Duration && other.nanos === this.nanos;
  }

  override compare(other: Value): number | undefined {
    return other instanceof Duration ? Number(this.nanos - other.nanos) : undefined;
  }

  /** Seconds, as CEL writes durations: "90s", "0.5s". */
  override toString(): string {
    const negative = this.nanos < 0n;
    const value = negative ? -this.nanos : this.nanos;
    const fraction = (value % SECOND).toString().padStart(9, "0").replace(/0+$/, "");
    return `${negative ? "-" : ""}${value / SECOND}${fraction === "" ? "" : `.${fraction}`}s`;
  }
}

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
};

function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
