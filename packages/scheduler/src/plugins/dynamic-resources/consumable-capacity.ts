// What a request takes of a device that several requests may share (KEP-5075).
import type { CapacityRequestPolicyRange, CapacityRequirements, Device, DeviceCapacity } from "@knots/api/resource/v1";
import { addResources, Quantity } from "@knots/machinery";
import type { ResourceAmounts } from "@knots/machinery";

/**
 * What the request takes of each capacity of the device: what it asks for, rounded up as the device's policy says. Undefined
 * where the device lacks a capacity that is asked for, or its policy does not allow the amount. Pure.
 */
export function consumedCapacity(
  { capacity = {} }: Device,
  request: CapacityRequirements | undefined,
): ResourceAmounts | undefined {
  const { requests = {} } = request ?? {};
  if (Object.keys(requests).some((name) => capacity[name] === undefined)) return undefined;
  const result: ResourceAmounts = {};
  for (const [name, each] of Object.entries(capacity)) {
    const asked = requests[name];
    const amount = asked === undefined ? unasked(each) : roundUp(Quantity.parse(asked), each);
    if (!allowed(amount, each)) return undefined;
    result[name] = amount;
  }
  return result;
}

/** Whether that fits beside what others take. Pure. */
export function fitsCapacity(
  { capacity = {} }: Device,
  more: Readonly<ResourceAmounts>,
  taken: readonly (Readonly<ResourceAmounts> | undefined)[],
): boolean {
  const sums: ResourceAmounts = { ...more };
  for (const each of taken) addResources(sums, each ?? {});
  return Object.entries(capacity).every(([name, { value }]) => {
    const sum = sums[name];
    return sum === undefined || sum.cmp(Quantity.parse(value)) <= 0;
  });
}

function unasked({ value, requestPolicy }: DeviceCapacity): Quantity {
  return Quantity.parse(requestPolicy?.default ?? value);
}

function roundUp(asked: Quantity, { requestPolicy }: DeviceCapacity): Quantity {
  if (requestPolicy?.validRange !== undefined) return roundUpInRange(asked, requestPolicy.validRange);
  const values = (requestPolicy?.validValues ?? []).map((value) => Quantity.parse(value));
  return values.find((value) => asked.cmp(value) <= 0) ?? asked;
}

function roundUpInRange(asked: Quantity, { min, step }: CapacityRequestPolicyRange): Quantity {
  const least = Quantity.parse(min);
  if (asked.cmp(least) < 0) return least;
  if (step === undefined) return asked;
  const [from, by] = [units(least), units(Quantity.parse(step))];
  const steps = (units(asked) - from + by - 1n) / by;
  return Quantity.fromBytes(from + steps * by);
}

function allowed(amount: Quantity, { requestPolicy }: DeviceCapacity): boolean {
  if (requestPolicy === undefined) return true;
  const { default: standard, validRange, validValues = [] } = requestPolicy;
  if (standard !== undefined && amount.cmp(Quantity.parse(standard)) === 0) return true;
  if (validRange !== undefined) return validRange.max === undefined || amount.cmp(Quantity.parse(validRange.max)) <= 0;
  return validValues.length === 0 || validValues.some((value) => amount.cmp(Quantity.parse(value)) === 0);
}

/** Whole units, rounded up. */
function units(quantity: Quantity): bigint {
  return quantity.asInt64() ?? BigInt(quantity.value());
}
