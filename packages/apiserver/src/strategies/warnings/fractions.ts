import { Quantity } from "@knots/machinery";

/** Bytes do not come in parts. `where` is the path of the quantity. */
export function fractionWarnings(value: string | undefined, where: string): string[] {
  if (value === undefined) return [];
  const quantity = Quantity.parse(value);
  if (quantity.milliValue() % 1000 === 0) return [];
  return [`${where}: fractional byte value ${JSON.stringify(quantity.toString())} is invalid, must be an integer`];
}
