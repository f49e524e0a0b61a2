import { CelError } from "./errors.ts";

/** A double as text: shortest, with an exponent from 21 digits up or below 1e-4 (Go's 'g'). */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  const digits = mantissa.replace("-", "").replace(".", "").length;
  const limit = digits > 21 ? digits : 21;
  if (exponent < -4 || exponent >= limit) {
    const sign = exponent < 0 ? "-" : "+";
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return plain(value);
}

/** Without an exponent. */
function plain(value: number): string {
  const text = String(value);
  return text.includes("e") ? value.toFixed(20).replace(/\.?0+$/, "") : text;
}

const DOUBLE = /^[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)$/i;

export function parseDouble(text: string): number {
  if (!DOUBLE.test(text)) {
    throw new CelError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  const plainText = text.toLowerCase().replace("+", "");
  if (/^-?inf/.test(plainText)) return plainText.startsWith("-") ? -Infinity : Infinity;
  if (plainText.endsWith("nan")) return Number.NaN;
  const value = Number(text);
  if (!Number.isFinite(value)) {
    throw new CelError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return value;
}

/** Of an integer of 64 bits, with its sign. */
const MOST_DIGITS = 20;

/** Decimal digits only; `function` is the name in the error text. */
export function parseInteger(text: string, range: { min: bigint; max: bigint; function: string }): bigint {
  const pattern = range.min < 0n ? /^[+-]?\d+$/ : /^\d+$/;
  const fail = (why: string): never => {
    throw new CelError(`strconv.${range.function}: parsing ${JSON.stringify(text)}: ${why}`);
  };
  if (!pattern.test(text)) return fail("invalid syntax");
  // Longer ones are out of range; to make numbers of them takes more than linear time.
  const digits = text.replace(/^([+-]?)0+(?=\d)/, "$1").replace("+", "");
  const value = digits.length > MOST_DIGITS ? undefined : BigInt(digits);
  return value === undefined || value < range.min || value > range.max ? fail("value out of range") : value;
}
