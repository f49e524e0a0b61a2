// Quantities, exact: a big integer times a power of ten, with upstream's canonical text.
// Rules: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

import { ownValue, setKey } from "./table.ts";

type Format = "BinarySI" | "DecimalSI" | "DecimalExponent";

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const DECIMAL_SUFFIX = new Map(Object.entries(DECIMAL).map(([suffix, exponent]) => [exponent, suffix]));
const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE][+-]?\d+)|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?))$/;
/** The right letters in the wrong order: upstream complains of the suffix then. */
const LIKE_QUANTITY = /^[+-]?(\d+(\.\d*)?|\.\d+)[eEinumkKMGTP]+[-+]?\d*$/;
const NANO = -9;
/** The most that a quantity with a binary suffix can be; what is more is taken for it, as upstream does. */
const MAX_NANOS = (2n ** 63n - 1n) * 1_000_000_000n;
/** Nobody has so much of anything that more digits are needed; behind the point they would only round up. */
const MAX_DIGITS = 150;

/** What was parsed: a cluster's manifests name few amounts, again and again. Quantities do not change. */
const parsed = new Map<string | number, Quantity>();
const MAX_PARSED = 1000;
const MAX_PARSED_LENGTH = 32;

function pow10(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

/** Division that rounds away from zero, as upstream rounds up what it cannot hold. */
function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (value % divisor === 0n) return quotient;
  return value > 0n ? quotient + 1n : quotient - 1n;
}

export class Quantity {
  /** In units of 10^-9, the finest that upstream keeps. */
  readonly #nanos: bigint;
  readonly #format: Format;

  private constructor(nanos: bigint, format: Format) {
    this.#nanos = nanos;
    this.#format = format;
  }

  /** Parses "1500m", "1.5Gi", "2e3", …; numbers are taken as their decimal text. Throws SyntaxError with upstream's words. */
  static parse(text: string | number): Quantity {
    const known = parsed.get(text);
    if (known !== undefined) return known;
    const quantity = Quantity.#parse(text);
    if (String(text).length > MAX_PARSED_LENGTH) return quantity;
    if (parsed.size >= MAX_PARSED) parsed.clear();
    parsed.set(text, quantity);
    return quantity;
  }

  static #parse(text: string | number): Quantity {
    const match = PATTERN.exec(String(text));
    const whole = match?.[2] ?? "";
    let fraction = match?.[3] ?? "";
    if (match === null || (whole === "" && fraction === "")) {
      throw new SyntaxError(
        LIKE_QUANTITY.test(String(text))
          ? "unable to parse quantity's suffix"
          : "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
      );
    }
    if (whole.length > MAX_DIGITS && whole.replace(/^0+/, "").length > MAX_DIGITS) {
      throw new SyntaxError(`quantities have at most ${MAX_DIGITS} digits before the point`);
    }
    if (fraction.length > MAX_DIGITS) {
      const rest = /[1-9]/.test(fraction.slice(MAX_DIGITS)) ? "1" : "";
      fraction = fraction.slice(0, MAX_DIGITS) + rest;
    }
    const digits = BigInt(`${match[1] === "-" ? "-" : ""}${whole}${fraction}` || "0");
    const suffix = match[5] ?? "";
    const binary = suffix.endsWith("i") ? BINARY.indexOf(suffix) : -1;
    const exponent = match[4] === undefined ? 0 : Number(match[4].slice(1));
    if (Math.abs(exponent) > 100) throw new SyntaxError("unable to parse quantity's suffix");
    const format: Format = binary > 0 ? "BinarySI" : match[4] === undefined ? "DecimalSI" : "DecimalExponent";
    const scaled = binary > 0 ? digits * 1024n ** BigInt(binary) : digits;
    const power =
      -fraction.length + (binary > 0 ? 0 : match[4] === undefined ? (DECIMAL[suffix] ?? 0) : exponent) - NANO;
    const nanos = power >= 0 ? scaled * pow10(power) : divideUp(scaled, pow10(-power));
    return new Quantity(format === "BinarySI" && nanos > MAX_NANOS ? MAX_NANOS : nanos, format);
  }

  static fromNumber(value: number): Quantity {
    return new Quantity(BigInt(Math.round(value)) * 1_000_000_000n, "DecimalSI");
  }

  /** `milli` thousandths. */
  static fromMilli(milli: number | bigint): Quantity {
    return new Quantity(BigInt(milli) * 1_000_000n, "DecimalSI");
  }

  /** Whole units in binary format: bytes. */
  static fromBytes(bytes: number | bigint): Quantity {
    return new Quantity(BigInt(bytes) * 1_000_000_000n, "BinarySI");
  }

  add(other: Quantity): Quantity {
    return new Quantity(this.#nanos + other.#nanos, this.isZero() ? other.#format : this.#format);
  }

  sub(other: Quantity): Quantity {
    return new Quantity(this.#nanos - other.#nanos, this.isZero() ? other.#format : this.#format);
  }

  neg(): Quantity {
    return new Quantity(-this.#nanos, this.#format);
  }

  /** Negative, zero or positive, as a comparison function answers. */
  cmp(other: Quantity): number {
    return this.#nanos < other.#nanos ? -1 : this.#nanos > other.#nanos ? 1 : 0;
  }

  isZero(): boolean {
    return this.#nanos === 0n;
  }

  /** Whole units, rounded up (away from zero). */
  value(): number {
    return Number(divideUp(this.#nanos, 1_000_000_000n));
  }

  /** Thousandths, rounded up (away from zero). */
  milliValue(): number {
    return Number(divideUp(this.#nanos, 1_000_000n));
  }

  /** Whole units when there is no fraction and they fit into 64 bits; undefined otherwise. */
  asInt64(): bigint | undefined {
    if (this.#nanos % 1_000_000_000n !== 0n) return undefined;
    const units = this.#nanos / 1_000_000_000n;
    return BigInt.asIntN(64, units) === units ? units : undefined;
  }

  asNumber(): number {
    return Number(this.#nanos) / 1e9;
  }

  /** The canonical text: no fraction, the largest suffix that keeps it exact. */
  toString(): string {
    if (this.#nanos === 0n) return "0";
    if (this.#format === "BinarySI") {
      const binary = this.#binaryText();
      if (binary !== undefined) return binary;
    }
    let mantissa = this.#nanos;
    let exponent = NANO;
    while (exponent < 18 && mantissa % 1000n === 0n) {
      mantissa /= 1000n;
      exponent += 3;
    }
    if (this.#format === "DecimalExponent") {
      while (mantissa % 1000n === 0n) {
        mantissa /= 1000n;
        exponent += 3;
      }
      return exponent === 0 ? mantissa.toString() : `${mantissa}e${exponent}`;
    }
    return `${mantissa}${DECIMAL_SUFFIX.get(exponent) ?? ""}`;
  }

  /** Undefined below 1024 and with fractions, which only the decimal form can say. */
  #binaryText(): string | undefined {
    if (this.#nanos % 1_000_000_000n !== 0n) return undefined;
    let units = this.#nanos / 1_000_000_000n;
    if (units > -1024n && units < 1024n) return units.toString();
    let index = 0;
    while (index < BINARY.length - 1 && units % 1024n === 0n) {
      units /= 1024n;
      index++;
    }
    return `${units}${BINARY[index] ?? ""}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

export type ResourceAmounts = Record<string, Quantity>;

/** Adds `more` into `sums`, resource by resource. */
export function addResources(sums: ResourceAmounts, more: Readonly<ResourceAmounts>): void {
  for (const [name, amount] of Object.entries(more)) {
    const sum = ownValue(sums, name);
    setKey(sums, name, sum === undefined ? amount : sum.add(amount));
  }
}

/** Raises `sums` to at least `more`, resource by resource. */
export function maxResources(sums: ResourceAmounts, more: Readonly<ResourceAmounts>): void {
  for (const [name, amount] of Object.entries(more)) {
    const sum = ownValue(sums, name);
    if (sum === undefined || sum.cmp(amount) < 0) setKey(sums, name, amount);
  }
}

/** Reads a ResourceList. */
export function parseResources(list: Readonly<Record<string, string | number>> | undefined): ResourceAmounts {
  return Object.fromEntries(Object.entries(list ?? {}).map(([name, text]) => [name, Quantity.parse(text)]));
}
