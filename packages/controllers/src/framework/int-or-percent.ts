/**
 * An int-or-percent field as a number of `total`.
 * Throws where the string is no percentage ("5" is not one): such a value is refused by validation.
 */
export function scaledValue(value: number | string, total: number, round: "up" | "down"): number {
  if (typeof value === "number") return value;
  const match = /^(\d+)%$/.exec(value);
  if (match === null)
    throw new Error(`invalid value for IntOrString: invalid type: string is not a percentage: ${value}`);
  const exact = (Number(match[1]) * total) / 100;
  return round === "up" ? Math.ceil(exact) : Math.floor(exact);
}
