import { CelError } from "../errors.ts";
import { fn, method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { BOOL, INT, STRING, opaque } from "../types.ts";
import type { CelType } from "../types.ts";
import { CelObject } from "../values.ts";
import type { Value } from "../values.ts";

export const SEMVER = opaque<SemverValue>("kubernetes.Semver");

const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*))*))?(?:\+([\da-zA-Z-]+(?:\.[\da-zA-Z-]+)*))?$/;

class SemverValue extends CelObject {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly pre: readonly string[];

  constructor(numbers: readonly [bigint, bigint, bigint], pre: readonly string[]) {
    super();
    this.numbers = numbers;
    this.pre = pre;
  }

  get type(): CelType {
    return SEMVER;
  }

  /** Build metadata does not count. */
  equals(other: Value): boolean {
    return other instanceof SemverValue && this.order(other) === 0;
  }

  order(other: SemverValue): number {
    for (const i of [0, 1, 2] as const) {
      if (this.numbers[i] !== other.numbers[i]) return this.numbers[i] < other.numbers[i] ? -1 : 1;
    }
    if (this.pre.length === 0 || other.pre.length === 0) return Math.sign(other.pre.length - this.pre.length);
    for (const [i, part] of this.pre.entries()) {
      const theirs = other.pre[i];
      if (theirs === undefined) return 1;
      const order = comparePart(part, theirs);
      if (order !== 0) return order;
    }
    return this.pre.length === other.pre.length ? 0 : -1;
  }
}

function comparePart(a: string, b: string): number {
  const numeric = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numeric[0] && numeric[1]) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Drops a leading v and leading zeros, and adds the numbers that are missing. */
function normalize(text: string): string {
  const [, core = "", rest = ""] = /^v?([^+-]*)(.*)$/s.exec(text) ?? [];
  const parts = core.split(".").map((part) => part.replace(/^0+(?=\d)/, ""));
  while (parts.length < 3) parts.push("0");
  return parts.join(".") + rest;
}

const MOST_DIGITS = 20;

function parse(text: string): SemverValue | undefined {
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  const [, major = "0", minor = "0", patch = "0", pre = ""] = match;
  const parts = pre === "" ? [] : pre.split(".");
  // Numbers have 64 bits; longer ones are not made into numbers first, which takes more than linear time.
  const fits = (part: string): boolean => part.length <= MOST_DIGITS && BigInt(part) < 2n ** 64n;
  const counted = [major, minor, patch, ...parts.filter((part) => /^\d+$/.test(part))];
  if (!counted.every(fits)) return undefined;
  return new SemverValue([BigInt(major), BigInt(minor), BigInt(patch)], parts);
}

/** Throws CelError for what is no version. */
export function semver(text: string, normalized: boolean): SemverValue {
  const value = parse(normalized ? normalize(text) : text);
  if (value === undefined) {
    throw new CelError(`${JSON.stringify(text)} is not a semantic version: it must be MAJOR.MINOR.PATCH`);
  }
  return value;
}

export const semvers: Functions = {
  semver: [
    fn("string_to_semver", [STRING], SEMVER, (text) => semver(text, false)),
    fn("string_bool_to_semver", [STRING, BOOL], SEMVER, semver),
  ],
  isSemver: [
    fn("is_semver_string", [STRING], BOOL, (text) => parse(text) !== undefined),
    fn("is_semver_string_bool", [STRING, BOOL], BOOL, (text, yes) => parse(yes ? normalize(text) : text) !== undefined),
  ],
  major: [method("semver_major", [SEMVER], INT, ({ numbers }) => numbers[0])],
  minor: [method("semver_minor", [SEMVER], INT, ({ numbers }) => numbers[1])],
  patch: [method("semver_patch", [SEMVER], INT, ({ numbers }) => numbers[2])],
  isLessThan: [method("semver_is_less_than", [SEMVER, SEMVER], BOOL, (a, b) => a.order(b) < 0)],
  isGreaterThan: [method("semver_is_greater_than", [SEMVER, SEMVER], BOOL, (a, b) => a.order(b) > 0)],
  compareTo: [method("semver_cmp", [SEMVER, SEMVER], INT, (a, b) => BigInt(a.order(b)))],
};
