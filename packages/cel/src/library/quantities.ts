import { Quantity } from "@knots/machinery";
import { CelError } from "../errors.ts";
import { fn, method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { BOOL, DOUBLE, INT, STRING, opaque } from "../types.ts";
import type { CelType } from "../types.ts";
import { CelObject } from "../values.ts";
import type { Value } from "../values.ts";

export const QUANTITY = opaque<QuantityValue>("kubernetes.Quantity");

export class QuantityValue extends CelObject {
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }
  get type(): CelType {
    return QUANTITY;
  }
  equals(other: Value): boolean {
    return other instanceof QuantityValue && this.quantity.cmp(other.quantity) === 0;
  }
}

function parse(text: string): Quantity {
  try {
    return Quantity.parse(text);
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
}

function isQuantity(text: string): boolean {
  try {
    Quantity.parse(text);
    return true;
  } catch {
    return false;
  }
}

function asInteger({ quantity }: QuantityValue): bigint {
  const value = quantity.asInt64();
  if (value === undefined) throw new CelError("cannot convert value to integer");
  return value;
}

const units = (value: bigint): Quantity => Quantity.parse(String(value));
const order = (a: QuantityValue, b: QuantityValue): number => a.quantity.cmp(b.quantity);

export const quantities: Functions = {
  quantity: [fn("string_to_quantity", [STRING], QUANTITY, (text) => new QuantityValue(parse(text)))],
  isQuantity: [fn("is_quantity_string", [STRING], BOOL, isQuantity)],
  isInteger: [method("quantity_is_integer", [QUANTITY], BOOL, (a) => a.quantity.asInt64() !== undefined)],
  asInteger: [method("quantity_as_integer", [QUANTITY], INT, asInteger)],
  asApproximateFloat: [method("quantity_get_float", [QUANTITY], DOUBLE, (a) => a.quantity.asNumber())],
  sign: [method("quantity_sign", [QUANTITY], INT, (a) => BigInt(a.quantity.cmp(units(0n))))],
  add: [
    method("quantity_add", [QUANTITY, QUANTITY], QUANTITY, (a, b) => new QuantityValue(a.quantity.add(b.quantity))),
    method("quantity_add_int", [QUANTITY, INT], QUANTITY, (a, b) => new QuantityValue(a.quantity.add(units(b)))),
  ],
  sub: [
    method("quantity_sub", [QUANTITY, QUANTITY], QUANTITY, (a, b) => new QuantityValue(a.quantity.sub(b.quantity))),
    method("quantity_sub_int", [QUANTITY, INT], QUANTITY, (a, b) => new QuantityValue(a.quantity.sub(units(b)))),
  ],
  isLessThan: [method("quantity_is_less_than", [QUANTITY, QUANTITY], BOOL, (a, b) => order(a, b) < 0)],
  isGreaterThan: [method("quantity_is_greater_than", [QUANTITY, QUANTITY], BOOL, (a, b) => order(a, b) > 0)],
  compareTo: [method("quantity_cmp", [QUANTITY, QUANTITY], INT, (a, b) => BigInt(order(a, b)))],
};
