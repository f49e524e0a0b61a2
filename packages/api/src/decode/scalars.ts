import { Quantity } from "@knots/machinery";
import type { TypeSchema } from "@knots/machinery";
import type { ApiScalarSchema } from "../schema/api-schema.ts";
import type { DecodeContext } from "./context.ts";
import { normalizeDuration, normalizeMicroTime, normalizeTime } from "./times.ts";

/** Checks a value and returns its canonical form; reports to the context what does not fit. */
export type Decoder = (value: unknown, ctx: DecodeContext) => unknown;

type Scalar = Extract<TypeSchema, { kind: "scalar" }>["scalar"];

const INT32_MAX = 2_147_483_647;
const INT32_MIN = -2_147_483_648;
/** Already canonical, or not: a fast answer for the usual quantities ("250m", "64Mi", "2"). */
const PLAIN_QUANTITY = /^[1-9]\d{0,2}(m|Ki|Mi|Gi|k|M|G)?$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const string = (goType: string): Decoder =>
  function decodeString(value, ctx) {
    if (typeof value !== "string") ctx.mismatch(value, goType, "string");
    return value;
  };

const integer = (goType: string, min: number, max: number): Decoder =>
  function decodeInteger(value, ctx) {
    if (typeof value !== "number") ctx.mismatch(value, goType, goType);
    else if (!Number.isInteger(value) || value < min || value > max) {
      const before = ctx.errors.length;
      ctx.mismatch(value, goType, goType);
      ctx.errors[before] = ctx.errors[before]?.replace("unmarshal number ", `unmarshal number ${value} `) ?? "";
    }
    return value;
  };

function decodeBool(value: unknown, ctx: DecodeContext): unknown {
  if (typeof value !== "boolean") ctx.mismatch(value, "bool", "bool");
  return value;
}

function decodeFloat(value: unknown, ctx: DecodeContext): unknown {
  if (typeof value !== "number") ctx.mismatch(value, "float64", "float64");
  return value;
}

function decodeBytes(value: unknown, ctx: DecodeContext): unknown {
  if (typeof value !== "string") {
    ctx.mismatch(value, "[]uint8", "slice");
    return value;
  }
  const text = /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, "") : value;
  if (text.length % 4 !== 0 || !BASE64.test(text)) {
    const bad = text.search(/[^A-Za-z0-9+/]/);
    ctx.errors.push(`illegal base64 data at input byte ${bad >= 0 ? bad : text.length - (text.length % 4)}`);
  }
  return text;
}

function decodeQuantity(value: unknown, ctx: DecodeContext): unknown {
  if (typeof value === "string" && PLAIN_QUANTITY.test(value)) return value;
  if (typeof value !== "string" && typeof value !== "number") {
    ctx.mismatch(value, "resource.Quantity", "struct");
    return value;
  }
  try {
    return Quantity.parse(String(value)).toString();
  } catch (error) {
    ctx.errors.push(error instanceof Error ? error.message : String(error));
    return value;
  }
}

function decodeIntOrString(value: unknown, ctx: DecodeContext): unknown {
  if (typeof value === "string") return value;
  if (typeof value === "number" && Number.isInteger(value) && value >= INT32_MIN && value <= INT32_MAX) return value;
  const fits = typeof value === "number" ? `number ${value}` : typeof value === "boolean" ? "bool" : "object";
  ctx.errors.push(`json: cannot unmarshal ${Array.isArray(value) ? "array" : fits} into Go value of type int32`);
  return value;
}

/** Times carry their own message, without the field: they are read by a method of their type. */
const time = (normalize: (text: string) => string): Decoder =>
  function decodeTime(value, ctx) {
    if (typeof value !== "string") {
      const kind = typeof value === "number" ? "number" : typeof value === "boolean" ? "bool" : "object";
      ctx.errors.push(`json: cannot unmarshal ${Array.isArray(value) ? "array" : kind} into Go value of type string`);
      return value;
    }
    try {
      return normalize(value);
    } catch (error) {
      ctx.errors.push(error instanceof Error ? error.message : String(error));
      return value;
    }
  };

const DECODERS: Readonly<Record<Exclude<Scalar, "string">, Decoder>> = {
  bool: decodeBool,
  int32: integer("int32", INT32_MIN, INT32_MAX),
  // Beyond 2^53 a number is no longer exact; no field of the API lives there. The largest number below 2^63 is 2^63 - 1024.
  int64: integer("int64", -(2 ** 63), 2 ** 63 - 1024),
  float64: decodeFloat,
  bytes: decodeBytes,
  quantity: decodeQuantity,
  "int-or-string": decodeIntOrString,
  time: time(normalizeTime),
  microtime: time(normalizeMicroTime),
  duration: time(normalizeDuration),
};

const plainString = string("string");

/** The decoder of a scalar; named string types have one of their own for the sake of their error text. */
export function scalarDecoder(schema: ApiScalarSchema): Decoder {
  if (schema.scalar !== "string") return DECODERS[schema.scalar];
  return schema.goName === undefined ? plainString : string(schema.goName);
}
