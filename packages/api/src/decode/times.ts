const SECONDS = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
const RFC3339 =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(\.\d+)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const LAYOUT = "2006-01-02T15:04:05Z07:00";
const MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00";

/** RFC 3339 with any zone or fraction → UTC with whole seconds. Throws with Go's wording. */
export function normalizeTime(text: string): string {
  if (SECONDS.test(text)) return text;
  const [seconds] = parseRFC3339(text, LAYOUT);
  return `${seconds}Z`;
}

/** RFC 3339 with any zone or fraction → UTC with six digits. */
export function normalizeMicroTime(text: string): string {
  const [seconds, fraction] = parseRFC3339(text, MICRO_LAYOUT);
  return `${seconds}.${fraction.slice(1, 7).padEnd(6, "0")}Z`;
}

function parseRFC3339(text: string, layout: string): [seconds: string, fraction: string] {
  const match = RFC3339.exec(text);
  const [, local = "", fraction = "", zone = ""] = match ?? [];
  if (!match || !isRealDay(local)) {
    throw new Error(
      `parsing time ${JSON.stringify(text)} as "${layout}": cannot parse ${JSON.stringify(text)} as "2006"`,
    );
  }
  if (zone === "Z") return [local, fraction];
  return [new Date(`${local}${zone}`).toISOString().slice(0, 19), fraction];
}

/** The 31st of April has the right digits and is no day. */
function isRealDay(local: string): boolean {
  const date = new Date(`${local}Z`);
  return !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(local.slice(8, 10));
}

const UNIT_NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** A Go duration → nanoseconds. Throws with Go's wording. */
export function durationNanos(text: string): bigint {
  if (text === "0" || text === "+0" || text === "-0") return 0n;
  // Beyond some length the pattern runs out of its stack.
  if (text.length > MAX_DURATION_LENGTH) throw invalidDuration(text);
  const match = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.exec(text);
  if (!match) throw invalidDuration(text);
  let total = 0n;
  for (const [, whole = "", fraction = "", unit = ""] of text.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const scale = UNIT_NANOS[unit] ?? 0n;
    total += BigInt(whole || "0") * scale;
    if (fraction) total += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  const nanos = match[1] === "-" ? -total : total;
  if (BigInt.asIntN(64, nanos) !== nanos) throw invalidDuration(text);
  return nanos;
}

/** Nobody writes a length of time with more; the digits would be read for nothing. */
const MAX_DURATION_LENGTH = 1000;

function invalidDuration(text: string): Error {
  return new Error(`time: invalid duration ${JSON.stringify(text)}`);
}

/** Nanoseconds → Go's shortest form: "1h30m0s", "1.5s", "250ms". */
export function formatNanos(nanos: bigint): string {
  if (nanos === 0n) return "0s";
  const sign = nanos < 0n ? "-" : "";
  const n = nanos < 0n ? -nanos : nanos;
  if (n < 1_000n) return `${sign}${n}ns`;
  if (n < 1_000_000n) return `${sign}${decimal(n, 1_000n)}µs`;
  if (n < 1_000_000_000n) return `${sign}${decimal(n, 1_000_000n)}ms`;
  const seconds = decimal(n % 60_000_000_000n, 1_000_000_000n);
  const minutes = n / 60_000_000_000n;
  if (minutes === 0n) return `${sign}${seconds}s`;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}s`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}s`;
}

function decimal(value: bigint, scale: bigint): string {
  const fraction = (value % scale)
    .toString()
    .padStart(scale.toString().length - 1, "0")
    .replace(/0+$/, "");
  return fraction === "" ? `${value / scale}` : `${value / scale}.${fraction}`;
}

/** A Go duration in its canonical form. */
export const normalizeDuration = (text: string): string => formatNanos(durationNanos(text));
