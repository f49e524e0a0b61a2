// The official test data of the language, as far as they need no protobuf messages, which Kubernetes does not have.
import { ArrayList, CelList, CelMap, ValueMap } from "./collections.ts";
import { Duration, Timestamp } from "./time-values.ts";
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  NULL,
  STRING,
  TIMESTAMP,
  UINT,
  listOf,
  mapOf,
  opaque,
  param,
  typeOf,
} from "./types.ts";
import type { CelType } from "./types.ts";
import { CelObject, Optional, TypeValue, Uint } from "./values.ts";
import type { Value } from "./values.ts";

type Json = Record<string, unknown>;

export interface ConformanceCase {
  readonly path: string;
  readonly original: Json & { readonly expr: string };
  readonly type?: string;
  readonly error?: string;
}

export interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly unknown[];
}

const MESSAGES =
  /TestAllTypes|NestedTestAllTypes|google\.protobuf\.(?:Any|Struct|Value|ListValue|\w+Value|Empty|FieldMask)|GlobalEnum|objectValue|cel\.expr\.conformance|wrapper|dyn_enum|proto\.|math\.|base64\.|cel\.(?:bind|block|index)|strings\.(?:quote)\b/;

/** The cases of a suite that need no messages. */
export function* cases(suite: Suite, path = ""): Generator<ConformanceCase> {
  const here = path === "" ? suite.name : `${path}/${suite.name}`;
  for (const inner of suite.suites ?? []) yield* cases(inner, here);
  for (const test of suite.tests ?? []) {
    if (MESSAGES.test(JSON.stringify(test))) continue;
    yield { path: here, ...(test as Omit<ConformanceCase, "path">) };
  }
}

export function decodeValue(json: Json): Value {
  const [[kind, raw] = ["nullValue", null]] = Object.entries(json);
  switch (kind) {
    case "nullValue":
      return null;
    case "boolValue":
      return raw as boolean;
    case "int64Value":
      return BigInt(raw as string);
    case "uint64Value":
      return new Uint(BigInt(raw as string));
    case "doubleValue":
      return Number(raw === "Infinity" ? Infinity : raw === "-Infinity" ? -Infinity : raw);
    case "stringValue":
      return raw as string;
    case "bytesValue":
      return new Uint8Array(Buffer.from(raw as string, "base64"));
    case "listValue":
      return new ArrayList(((raw as { values?: Json[] }).values ?? []).map(decodeValue));
    case "mapValue":
      return ValueMap.of(
        ((raw as { entries?: { key: Json; value: Json }[] }).entries ?? []).map(({ key, value }) => [
          decodeValue(key),
          decodeValue(value),
        ]),
      );
    case "typeValue":
      return new TypeValue(opaque(raw as string));
    default:
      throw new Error(`no value of kind ${kind}`);
  }
}

const PRIMITIVES: Readonly<Record<string, CelType>> = { BOOL, INT64: INT, UINT64: UINT, DOUBLE, STRING, BYTES };
const WELL_KNOWN: Readonly<Record<string, CelType>> = { TIMESTAMP, DURATION, ANY: DYN };

export function decodeType(json: Json): CelType {
  const [[kind, raw] = ["dyn", {}]] = Object.entries(json);
  switch (kind) {
    case "primitive":
      return PRIMITIVES[raw as string] ?? DYN;
    case "wellKnown":
      return WELL_KNOWN[raw as string] ?? DYN;
    case "null":
      return NULL;
    case "listType":
      return listOf(decodeType((raw as { elemType?: Json }).elemType ?? {}));
    case "mapType": {
      const { keyType, valueType } = raw as { keyType?: Json; valueType?: Json };
      return mapOf(decodeType(keyType ?? {}), decodeType(valueType ?? {}));
    }
    case "typeParam":
      return param(raw as string);
    case "type":
      return typeOf(decodeType(raw as Json));
    case "abstractType": {
      const { name, parameterTypes } = raw as { name: string; parameterTypes?: Json[] };
      return opaque(name, ...(parameterTypes ?? []).map(decodeType));
    }
    default:
      return DYN;
  }
}

/** A value for comparison: NaN equals itself here, and int differs from uint and double. */
export function show(value: Value): unknown {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "bigint") return `int ${value}`;
  if (typeof value === "number") return `double ${value}`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
  if (value instanceof Uint) return `uint ${value.value}`;
  if (value instanceof CelList) return Array.from(value, show);
  if (value instanceof CelMap) {
    return Array.from(value.keys(), (key) => [show(key), show(value.get(key) ?? null)]).toSorted((a, b) =>
      String(a[0]) < String(b[0]) ? -1 : 1,
    );
  }
  if (value instanceof TypeValue) return `type ${value.of.name}`;
  if (value instanceof Timestamp || value instanceof Duration) return `${value.type.kind} ${value.toString()}`;
  if (value instanceof Optional) return value.value === undefined ? "none" : ["optional", show(value.value)];
  return value instanceof CelObject ? value.type.name : value;
}
