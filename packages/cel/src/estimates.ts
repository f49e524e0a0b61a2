// Ranges of sizes and costs, as unsigned 64-bit numbers that stay at their maximum.

/** Stands for "unknown, unbounded". A number of JavaScript's: estimates are compared with limits far below. */
export const MAX = 2 ** 64;

export interface Range {
  readonly min: number;
  readonly max: number;
}

const cap = (value: number): number => (value >= MAX ? MAX : value);

export const UNKNOWN: Range = { min: 0, max: MAX };
export const ZERO: Range = { min: 0, max: 0 };
export const fixed = (value: number): Range => ({ min: value, max: value });
export const addRanges = (a: Range, b: Range): Range => ({ min: cap(a.min + b.min), max: cap(a.max + b.max) });
export const multiplyRanges = (a: Range, b: Range): Range => ({ min: cap(a.min * b.min), max: cap(a.max * b.max) });
export const unionRanges = (a: Range, b: Range): Range => ({
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
});

/** Rounded up to whole units. */
export function scale({ min, max }: Range, factor: number): Range {
  return { min: cap(Math.ceil(min * factor)), max: cap(Math.ceil(max * factor)) };
}
