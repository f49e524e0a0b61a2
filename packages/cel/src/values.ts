// Values of the language: JavaScript's own where they say the same, classes where they do not.
// int is bigint, double is number.
import { CelError } from "./errors.ts";
import type { CelList, CelMap } from "./collections.ts";
import type { Duration, Timestamp } from "./time-values.ts";
import { BOOL, BYTES, DOUBLE, INT, NULL, STRING, TYPE, UINT, optionalOf, DYN } from "./types.ts";
import type { CelType } from "./types.ts";

export type Value = null | boolean | bigint | number | string | Uint8Array | CelObject;

/** Whatever is not one of JavaScript's own values. */
export abstract class CelObject {
  abstract get type(): CelType;
  abstract equals(other: Value): boolean;
  /** Negative, zero, positive; undefined when the two cannot be ordered. */
  compare(_other: Value): number | undefined {
    return undefined;
  }
}

export class Uint extends CelObject {
  readonly value: bigint;
  constructor(value: bigint) {
    super();
    this.value = value;
  }
  get type(): CelType {
    return UINT;
  }
  equals(other: Value): boolean {
    return compareNumbers(this, other) === 0;
  }
  override compare(other: Value): number | undefined {
    return compareNumbers(this, other);
  }
}

export class TypeValue extends CelObject {
  readonly of: CelType;
  constructor(of: CelType) {
    super();
    this.of = of;
  }
  get type(): CelType {
    return TYPE;
  }
  equals(other: Value): boolean {
    return other instanceof TypeValue && other.of.name === this.of.name;
  }
}

export class Optional extends CelObject {
  static readonly none = new Optional(undefined);
  readonly value: Value | undefined;
  private constructor(value: Value | undefined) {
    super();
    this.value = value;
  }
  static of(value: Value): Optional {
    return new Optional(value);
  }
  get type(): CelType {
    return optionalOf(DYN);
  }
  equals(other: Value): boolean {
    if (!(other instanceof Optional)) return false;
    if (this.value === undefined || other.value === undefined) return this.value === other.value;
    return valuesEqual(this.value, other.value);
  }
}

export function typeOfValue(value: Value): CelType {
  switch (typeof value) {
    case "boolean":
      return BOOL;
    case "bigint":
      return INT;
    case "number":
      return DOUBLE;
    case "string":
      return STRING;
    default:
      if (value === null) return NULL;
      return value instanceof Uint8Array ? BYTES : value.type;
  }
}

const isNumber = (value: Value): value is bigint | number | Uint =>
  typeof value === "bigint" || typeof value === "number" || value instanceof Uint;

/** Numbers compare by what they are worth, whatever their types. */
function compareNumbers(a: Value, b: Value): number | undefined {
  if (!isNumber(a) || !isNumber(b)) return undefined;
  let left = a instanceof Uint ? a.value : a;
  let right = b instanceof Uint ? b.value : b;
  // An integer is compared with a double as the nearest double, as the reference implementation does.
  if (typeof left === "number") right = Number(right);
  else if (typeof right === "number") left = Number(left);
  if (left < right) return -1;
  if (left > right) return 1;
  return left === right ? 0 : undefined;
}

export function valuesEqual(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (isNumber(a)) return compareNumbers(a, b) === 0;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0;
  return a instanceof CelObject && a.equals(b);
}

/** Order of two values; throws where the language has none. */
export function compareValues(a: Value, b: Value): number {
  const order = orderOf(a, b);
  if (order === undefined) throw new CelError("no such overload");
  return order;
}

function orderOf(a: Value, b: Value): number | undefined {
  if (typeof a === "string") return typeof b === "string" ? compareStrings(a, b) : undefined;
  if (typeof a === "boolean") return typeof b === "boolean" ? Number(a) - Number(b) : undefined;
  if (isNumber(a)) return isNumber(b) ? (compareNumbers(a, b) ?? Number.NaN) : undefined;
  if (a instanceof Uint8Array) return b instanceof Uint8Array ? compareBytes(a, b) : undefined;
  return a instanceof CelObject ? a.compare(b) : undefined;
}

/** By code points, which differs from JavaScript's order of UTF-16 units beyond U+FFFF. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    const leftSurrogate = left >= 0xd800 && left <= 0xdfff;
    const rightSurrogate = right >= 0xd800 && right <= 0xdfff;
    if (leftSurrogate === rightSurrogate) return left - right;
    return leftSurrogate ? 1 : -1;
  }
  return a.length - b.length;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

const SURROGATE = /[\ud800-\udbff]/;

/** Whether a character may be two of JavaScript's. Told at once for strings of one-byte characters, which most are. */
export function hasSurrogates(text: string): boolean {
  return SURROGATE.test(text);
}

/** Number of code points. */
export function stringSize(text: string): number {
  if (!hasSurrogates(text)) return text.length;
  let size = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdbff) continue;
    const next = text.charCodeAt(i + 1);
    if (next >= 0xdc00 && next <= 0xdfff) {
      size--;
      i++;
    }
  }
  return size;
}

export type { CelList, CelMap, Duration, Timestamp };

const INT_MIN = -(2n ** 63n);
const INT_MAX = 2n ** 63n - 1n;
const UINT_MAX = 2n ** 64n - 1n;

export function checkInt(value: bigint): bigint {
  if (value < INT_MIN || value > INT_MAX) throw new CelError("integer overflow");
  return value;
}

export function checkUint(value: bigint): Uint {
  if (value < 0n || value > UINT_MAX) throw new CelError("unsigned integer overflow");
  return new Uint(value);
}
