import { Quantity } from "@knots/machinery";

/** What most write: whole numbers of something that is whole. */
const WHOLE = /^\d+(?:[KMGTPE]i|[kMGTPE])?$/;
const NONE: readonly string[] = [];

/** Bytes do not come in parts. `where` is the path of the quantity. */
export function fractionWarnings(value: string | undefined, where: string): readonly string[] {
  if (value === undefined || WHOLE.test(value)) return NONE;
  const quantity = Quantity.parse(value);
  if (quantity.milliValue() % 1000 === 0) return NONE;
  return [`${where}: fractional byte value ${JSON.stringify(quantity.toString())} is invalid, must be an integer`];
}
