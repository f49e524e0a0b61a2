const DESCRIPTORS = new Set(["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]);
const FIELDS = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"] },
  { min: 0, max: 6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
] as const;

type Field = { readonly min: number; readonly max: number; readonly names?: readonly string[] };

/** @param allowed a schedule may name its zone if it did so before, and nothing else does */
export function scheduleErrors(schedule: string, allowed: boolean, timeZone: string | undefined): string[] {
  const errors: string[] = [];
  const [zone = ""] = /^(?:CRON_)?TZ=\S* /.exec(schedule) ?? [];
  const why = scheduleError(schedule.slice(zone.length));
  if (why !== undefined) errors.push(why);
  if (!schedule.includes("TZ")) return errors;
  if (!allowed) errors.push("cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  else if (timeZone !== undefined) errors.push("cannot use both timeZone field and TZ or CRON_TZ in schedule");
  return errors;
}

/** Why a schedule is none, in the words of the standard cron parser; undefined when it is one. */
function scheduleError(schedule: string): string | undefined {
  if (schedule.startsWith("@")) {
    if (DESCRIPTORS.has(schedule)) return undefined;
    if (schedule.startsWith("@every ")) {
      const text = schedule.slice("@every ".length);
      const good = /^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*$/.test(text);
      return good ? undefined : `failed to parse duration ${schedule}: time: invalid duration ${JSON.stringify(text)}`;
    }
    return `unrecognized descriptor: ${schedule}`;
  }
  const parts = schedule.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) {
    return `expected exactly 5 fields, found ${parts.length}: [${parts.join(" ")}]`;
  }
  for (const [index, part] of parts.entries()) {
    const field = FIELDS[index];
    const error =
      field &&
      part
        .split(",")
        .map((each) => rangeError(each, field))
        .find((each) => each !== undefined);
    if (error) return error;
  }
  return undefined;
}

function rangeError(text: string, field: Field): string | undefined {
  const [range = "", step, ...more] = text.split("/");
  if (more.length > 0) return `too many slashes: ${text}`;
  const bounds = range.split("-");
  if (bounds.length > 2) return `too many hyphens: ${text}`;
  if (step !== undefined && !/^\d+$/.test(step)) {
    return `failed to parse int from ${step}: strconv.Atoi: parsing ${JSON.stringify(step)}: invalid syntax`;
  }
  if (step !== undefined && Number(step) === 0) return `step of range should be a positive number: ${text}`;
  if (range === "*" || range === "?") return undefined;
  const numbers: number[] = [];
  for (const bound of bounds) {
    const named = field.names?.indexOf(bound.toLowerCase()) ?? -1;
    if (named >= 0) numbers.push(named + field.min);
    else if (/^\d+$/.test(bound)) numbers.push(Number(bound));
    else return `failed to parse int from ${bound}: strconv.Atoi: parsing ${JSON.stringify(bound)}: invalid syntax`;
  }
  const [start = 0, end = start] = numbers;
  if (start < field.min) return `beginning of range (${start}) below minimum (${field.min}): ${text}`;
  if (end > field.max) return `end of range (${end}) above maximum (${field.max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  return undefined;
}

/** A file name of the tz database has parts like this. */
const ZONE_PART = /^[A-Za-z.\-_0-9+]{1,14}$/;

/** Why a text names no zone of the tz database; "Local" means nothing to a server. */
export function timeZoneErrors(zone: string): string[] {
  if (zone === "") return ["timeZone must be nil or non-empty string"];
  const unknown = `unknown time zone ${zone}`;
  for (const part of zone.split("/"))
    if (part === "." || part === ".." || part.startsWith("-") || !ZONE_PART.test(part)) return [unknown];
  const errors: string[] = [];
  if (zone.toLowerCase() === "local") {
    errors.push("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
    if (zone === "Local") return errors;
  }
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
  } catch {
    errors.push(unknown);
  }
  return errors;
}
