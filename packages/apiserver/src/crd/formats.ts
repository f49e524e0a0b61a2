import { tableOf } from "@knots/machinery";
import { Duration } from "@knots/cel/time-values";
import { isIP } from "node:net";

const FORMATS: Readonly<Record<string, (value: string) => boolean>> = tableOf({
  "date-time": (value) =>
    /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value)),
  date: (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)),
  duration: isDuration,
  email: (value) => /^[^@\s]+@[^@\s]+$/.test(value),
  hostname: (value) =>
    value.length <= 255 &&
    /^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\.?$/.test(value),
  ipv4: (value) => isIP(value) === 4,
  ipv6: (value) => isIP(value) === 6,
  cidr: (value) => {
    const [address = "", length = ""] = value.split("/", 2);
    const version = isIP(address);
    return version !== 0 && /^\d+$/.test(length) && Number(length) <= (version === 4 ? 32 : 128);
  },
  mac: (value) => /^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/.test(value),
  uri: (value) => URL.canParse(value),
  uuid: (value) => /^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$/.test(value),
  uuid3: (value) => /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?3[0-9a-fA-F]{3}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/.test(value),
  uuid4: (value) =>
    /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?4[0-9a-fA-F]{3}-?[89abAB][0-9a-fA-F]{3}-?[0-9a-fA-F]{12}$/.test(value),
  uuid5: (value) =>
    /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?5[0-9a-fA-F]{3}-?[89abAB][0-9a-fA-F]{3}-?[0-9a-fA-F]{12}$/.test(value),
  byte: (value) => /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0,
  bsonobjectid: (value) => /^[0-9a-fA-F]{24}$/.test(value),
  creditcard: (value) => /^[\d -]{12,23}$/.test(value),
  hexcolor: (value) => /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(value),
  isbn: (value) => /^(97[89][- ]?)?[\d -]{9,13}[\dX]$/.test(value),
  ssn: (value) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(value),
});

const AMOUNT = /[\t\n\f\r ]*(\d+)[\t\n\f\r ]*([A-Za-zµ]+)[\t\n\f\r ]*/y;
const UNIT = /^(?:[nuµm]?s|[mhdw]|hr|wk|(?:nano|micro|milli|sec|min|hour|day|week).*)$/i;
const MAX_AMOUNT = 2n ** 63n - 1n;

/** A Go duration, or whole amounts of units under more names: "2 days 3 hours". Other words are let pass beside a unit. */
function isDuration(text: string): boolean {
  if (Duration.parse(text) !== undefined) return true;
  let known = false;
  for (let at = 0; at < text.length; at = AMOUNT.lastIndex) {
    AMOUNT.lastIndex = at;
    const [, amount = "", unit = ""] = AMOUNT.exec(text) ?? [];
    const digits = amount.replace(/^0+/, "");
    if (unit === "" || digits.length > 19 || BigInt(digits) > MAX_AMOUNT) return false;
    known ||= UNIT.test(unit);
  }
  return known;
}

/** What is wrong with a string of a format; undefined when nothing is, or when the format is not one that is checked. */
export function formatProblem(format: string, value: string): string | undefined {
  const check = FORMATS[format];
  return check === undefined || check(value) ? undefined : `not a valid ${format}`;
}
