import { CelList, CelMap } from "../collections.ts";
import { CelError } from "../errors.ts";
import { formatDouble } from "../number-text.ts";
import { Work } from "../regex/work.ts";
import { Duration, Timestamp } from "../time-values.ts";
import { finish } from "../turns.ts";
import { TypeValue, Uint, typeOfValue } from "../values.ts";
import type { Value } from "../values.ts";

const CLAUSE = /%(?:%|(\.\d*)?(.)?)/gsu;
/** As upstream: more digits are refused. */
const MAX_PRECISION = 1000;

/** The cost of format does not count what it makes, so that has a bound of its own. */
const MAX_LENGTH = 16 * 1024 * 1024;
/** Items in lists and maps that are shown in one piece. */
const FEW = 1000;

/** `"%s is %d".format([…])`. */
export function formatString(text: string, args: CelList): string {
  return finish(format(text, args));
}

/** The same with pauses; undefined where it does not take long. */
export function formatInTurns(text: string, args: CelList): Generator<undefined, string> | undefined {
  return isFew(args, FEW) === undefined ? format(text, args) : undefined;
}

/** What remains of `most` after the items of a value, within one another; undefined: there are more. */
function isFew(value: Value | undefined, most: number): number | undefined {
  if (!(value instanceof CelList || value instanceof CelMap)) return most - 1;
  let left: number | undefined = most - value.size;
  if (left < 0) return undefined;
  for (const each of value instanceof CelList ? value : value.keys()) {
    left = isFew(value instanceof CelList ? each : value.get(each), left);
    if (left === undefined || left < 0) return undefined;
  }
  return left;
}

function* format(text: string, args: CelList): Generator<undefined, string> {
  const made = new Made();
  let next = 0;
  let end = 0;
  for (const { 0: all, 1: precision, 2: verb, index } of text.matchAll(CLAUSE)) {
    made.add(text.slice(end, index));
    end = index + all.length;
    if (all === "%%") {
      made.add("%");
      continue;
    }
    if (verb === undefined) throw new CelError("could not parse formatting clause: unexpected end of string");
    if (next >= args.size) throw new CelError(`index ${next} out of range`);
    const digits = precision === undefined ? undefined : Number(precision.slice(1));
    if (digits !== undefined && digits > MAX_PRECISION) throw new CelError("precision too large");
    const value = args.at(next++);
    if (verb === "s") yield* show(value, made);
    else made.add(clause(verb, value, digits));
  }
  made.add(text.slice(end));
  return made.text();
}

/** A text that grows up to a bound. */
class Made {
  #text = "";
  readonly #work = new Work();

  add(part: string): void {
    if (this.#text.length + part.length > MAX_LENGTH) throw new CelError("the result of format is too long");
    this.#text += part;
  }

  /** The next value: whether to make a pause now. */
  next(): boolean {
    return this.#work.add(STEPS);
  }

  text(): string {
    return this.#text;
  }
}

/** What a value counts as, beside the characters of a regular expression. */
const STEPS = 10;

function clause(verb: string, value: Value, precision: number | undefined): string {
  switch (verb) {
    case "d":
      return showDecimal(value);
    case "f":
      return fixed(value, precision ?? 6);
    case "e":
      return scientific(value, precision ?? 6);
    case "b":
      if (typeof value === "boolean") return value ? "1" : "0";
      return integer(value, "b", "integers and bools").toString(2);
    case "x":
    case "X": {
      const text =
        typeof value === "string" || value instanceof Uint8Array
          ? Buffer.from(value).toString("hex")
          : integer(value, verb, "integers, byte buffers, and strings").toString(16);
      return verb === "X" ? text.toUpperCase() : text;
    }
    case "o":
      return integer(value, "o", "integers").toString(8);
    default:
      throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

function wrong(verb: string, what: string, value: Value): CelError {
  return new CelError(
    `error during formatting: ${verb} clause can only be used on ${what}, was given ${typeOfValue(value).name}`,
  );
}

function integer(value: Value, verb: string, what: string): bigint {
  if (typeof value === "bigint") return value;
  if (value instanceof Uint) return value.value;
  throw wrong(verb === "b" ? "binary" : verb === "o" ? "octal" : "hex", what, value);
}

function special(value: number): string | undefined {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? undefined : value > 0 ? "Infinity" : "-Infinity";
}

function double(value: Value, verb: string): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint) return Number(value.value);
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  throw wrong(verb, "doubles", value);
}

function showDecimal(value: Value): string {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint) return String(value.value);
  if (typeof value === "number") return special(value) ?? formatDouble(value);
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return value;
  throw wrong("decimal", "integers", value);
}

function fixed(value: Value, precision: number): string {
  const number = double(value, "fixed-point");
  return special(number) ?? toFixed(number, precision);
}

const MOST_DIGITS = 100;

/** With halves going to the even digit; beyond the 100 digits that JavaScript gives there are only zeros. */
function toFixed(value: number, precision: number): string {
  if (Math.abs(value) >= 1e21) return BigInt(value).toString() + (precision > 0 ? `.${"0".repeat(precision)}` : "");
  if (precision >= MOST_DIGITS) return value.toFixed(MOST_DIGITS) + "0".repeat(precision - MOST_DIGITS);
  const exact = value.toFixed(MOST_DIGITS);
  const kept = exact.slice(0, exact.length - MOST_DIGITS + precision).replace(/\.$/, "");
  const tie = /^50*$/.test(exact.slice(exact.length - MOST_DIGITS + precision));
  return tie && Number(kept.at(-1)) % 2 === 0 ? kept : value.toFixed(precision);
}

function scientific(value: Value, precision: number): string {
  const number = double(value, "scientific");
  const other = special(number);
  if (other !== undefined) return other;
  const [mantissa = "", exponent = "+0"] = number.toExponential(Math.min(precision, 100)).split("e");
  const zeros = precision > 100 ? "0".repeat(precision - 100) : "";
  return `${mantissa}${zeros}e${exponent.slice(0, 1)}${exponent.slice(1).padStart(2, "0")}`;
}

/** A value as `%s` shows it. */
function* show(value: Value, made: Made): Generator<undefined, void> {
  const plain = scalarText(value);
  if (plain !== undefined) {
    made.add(plain);
    if (made.next()) yield;
  } else if (value instanceof CelList) {
    made.add("[");
    for (let i = 0; i < value.size; i++) {
      if (i > 0) made.add(", ");
      yield* show(value.at(i), made);
    }
    made.add("]");
  } else if (value instanceof CelMap) {
    const keys: [text: string, key: Value][] = [];
    for (const key of value.keys()) keys.push([scalarText(key) ?? "", key]);
    keys.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    made.add("{");
    for (const [i, [text, key]] of keys.entries()) {
      made.add(i > 0 ? `, ${text}: ` : `${text}: `);
      yield* show(value.get(key) ?? null, made);
    }
    made.add("}");
  } else
    throw wrong("string", "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps", value);
}

/** Undefined: it is no scalar. */
function scalarText(value: Value): string | undefined {
  if (value === null) return "null";
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return special(value) ?? formatDouble(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Timestamp || value instanceof Duration) return value.toString();
  if (value instanceof TypeValue) return value.of.name;
  return undefined;
}
