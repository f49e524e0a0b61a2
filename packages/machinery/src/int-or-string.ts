// A number or a percentage, as maxSurge and minAvailable take it (apimachinery's intstr).

export type IntOrString = number | string;

/** "25%" of `total`, rounded as told; a number is itself. Throws RangeError for any other text. */
export function scaledValue(value: IntOrString, total: number, roundUp: boolean): number {
  if (typeof value === "number") return value;
  const match = /^(\d+)%$/.exec(value);
  if (match === null) throw new RangeError(`invalid value for IntOrString: invalid type: string is not a percentage`);
  const exact = (Number(match[1]) * total) / 100;
  return roundUp ? Math.ceil(exact) : Math.floor(exact);
}

export function isPercentage(value: IntOrString): boolean {
  return typeof value === "string" && /^\d+%$/.test(value);
}
