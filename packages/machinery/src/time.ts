// Times and durations as the API writes them.

/** The second that was written last: a busy server writes the same many times. */
let last = { second: Number.NaN, text: "" };

/** RFC 3339 to the second, UTC: meta/v1 Time. */
export function formatTime(date: Date): string {
  const second = Math.floor(date.getTime() / 1000);
  if (second !== last.second) last = { second, text: `${date.toISOString().slice(0, 19)}Z` };
  return last.text;
}

/** RFC 3339 with six digits, UTC: meta/v1 MicroTime. */
export function formatMicroTime(date: Date): string {
  return `${date.toISOString().slice(0, 23)}000Z`;
}

/** Throws SyntaxError when the text is no RFC 3339 time. */
export function parseTime(text: string): Date {
  const date = new Date(text);
  if (!/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d/.test(text) || Number.isNaN(date.getTime()))
    throw new SyntaxError(`cannot parse ${JSON.stringify(text)} as an RFC 3339 time`);
  return date;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A Go duration ("1h30m", "1.5s", "-2ms") in milliseconds. Throws SyntaxError. */
export function parseDuration(text: string): number {
  const match = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (match === null) throw new SyntaxError(`time: ${durationProblem(text)} duration ${JSON.stringify(text)}`);
  let ms = 0;
  for (const [, amount, unit] of (match[2] ?? "").matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g))
    ms += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  return match[1] === "-" ? -ms : ms;
}

/** In Go's words. */
function durationProblem(text: string): string {
  let rest = text.replace(/^[+-]/, "");
  do {
    const [, amount = "", unit = ""] = /^([\d.]*)([^\d.]*)/.exec(rest) ?? [];
    if (!/^(\d+(\.\d*)?|\.\d+)$/.test(amount)) return "invalid";
    if (unit === "") return "missing unit in";
    if (UNIT_MS[unit] === undefined) return `unknown unit ${JSON.stringify(unit)} in`;
    rest = rest.slice(amount.length + unit.length);
  } while (rest !== "");
  return "invalid";
}

/** Milliseconds as Go prints a duration: "1h30m0s", "1.5s", "250ms", "0s". */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  const sign = ms < 0 ? "-" : "";
  const size = Math.abs(ms);
  if (size < 1) return `${sign}${trim(size * 1000)}µs`;
  if (size < 1000) return `${sign}${trim(size)}ms`;
  const hours = Math.floor(size / 3_600_000);
  const minutes = Math.floor((size % 3_600_000) / 60_000);
  const seconds = trim((size % 60_000) / 1000);
  return `${sign}${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}

function trim(value: number): string {
  return String(Number(value.toFixed(6)));
}
