// CEL's types, as the checker reasons about them and error texts show them.
import type { CelList, CelMap, Duration, Optional, Timestamp, TypeValue, Uint } from "./values.ts";

export type TypeKind =
  | "dyn"
  | "error"
  | "null"
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "timestamp"
  | "duration"
  | "list"
  | "map"
  | "struct"
  | "opaque"
  | "type"
  | "param";

/** A field of a struct as expressions see it. */
export interface StructField {
  readonly type: CelType;
}

/** The fields of a struct by the names that expressions use. Looked up lazily: built-in types may be recursive. */
export interface StructFields {
  field(name: string): StructField | undefined;
}

export interface CelType {
  readonly kind: TypeKind;
  /** What texts call it: "int", "list", a struct's or opaque type's own name, a type parameter's letter. */
  readonly name: string;
  readonly params: readonly CelType[];
  readonly fields?: StructFields;
}

/** A type whose values are known to TypeScript: what an implementation gets for a parameter of it. */
export interface Typed<T> extends CelType {
  /** Never there: it only carries T. */
  readonly value?: T;
}

const simple = <T>(kind: TypeKind, name: string = kind): Typed<T> => ({ kind, name, params: [] });

export const DYN: CelType = simple("dyn");
export const ERROR: CelType = simple("error", "!error!");
export const NULL = simple<null>("null", "null_type");
export const BOOL = simple<boolean>("bool");
export const INT = simple<bigint>("int");
export const UINT = simple<Uint>("uint");
export const DOUBLE = simple<number>("double");
export const STRING = simple<string>("string");
export const BYTES = simple<Uint8Array>("bytes");
export const TIMESTAMP = simple<Timestamp>("timestamp", "google.protobuf.Timestamp");
export const DURATION = simple<Duration>("duration", "google.protobuf.Duration");
export const TYPE = simple<TypeValue>("type");

export const listOf = (element: CelType): Typed<CelList> => ({ kind: "list", name: "list", params: [element] });
export const mapOf = (key: CelType, value: CelType): Typed<CelMap> => ({
  kind: "map",
  name: "map",
  params: [key, value],
});
export const typeOf = (type: CelType): Typed<TypeValue> => ({ kind: "type", name: "type", params: [type] });
export const param = (name: string): CelType => simple("param", name);
export const opaque = <T>(name: string, ...params: CelType[]): Typed<T> => ({ kind: "opaque", name, params });
export const optionalOf = (type: CelType): Typed<Optional> => opaque("optional_type", type);
export const struct = (name: string, fields: StructFields): CelType => ({ kind: "struct", name, params: [], fields });

export const isOptional = (type: CelType): boolean => type.kind === "opaque" && type.name === "optional_type";

/** As error texts show a type: "map(string, list(int))". */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case "null":
      return "null";
    case "timestamp":
    case "duration":
      return type.kind;
    case "type":
      return type.params.length === 0 ? "type" : `type(${formatList(type.params)})`;
    default:
      return type.params.length === 0 ? type.name : `${type.name}(${formatList(type.params)})`;
  }
}

function formatList(types: readonly CelType[]): string {
  return types.map(formatType).join(", ");
}

/** "(int, string)", and "string.(int)" for a member. */
export function formatSignature(types: readonly CelType[], member: boolean): string {
  const [target, ...rest] = types;
  return member && target !== undefined ? `${formatType(target)}.(${formatList(rest)})` : `(${formatList(types)})`;
}

export function sameType(a: CelType, b: CelType): boolean {
  return (
    a === b ||
    (a.kind === b.kind &&
      a.name === b.name &&
      a.params.length === b.params.length &&
      a.params.every((each, i) => sameType(each, b.params[i] ?? ERROR)))
  );
}
