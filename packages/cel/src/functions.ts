import { CelList, CelMap } from "./collections.ts";
import { Duration, Timestamp } from "./time-values.ts";
import type { Turns } from "./turns.ts";
import type { CelType, Typed } from "./types.ts";
import { CelObject, Optional, TypeValue, Uint } from "./values.ts";
import type { Value } from "./values.ts";

type Implementation = (...args: Value[]) => Value;
type InTurns = (...args: Value[]) => Turns | undefined;

/** One way to call a function. */
export interface Overload {
  /** Upstream's name of it; costs are kept by it. */
  readonly id: string;
  readonly member: boolean;
  /** For members the receiver comes first. */
  readonly params: readonly CelType[];
  readonly result: CelType;
  readonly call: Implementation;
  /** The same with pauses; gives undefined where the call does not take long. */
  readonly turns?: InTurns | undefined;
}

type Arg<P> = P extends { readonly value?: infer T } ? (unknown extends T ? Value : Exclude<T, undefined>) : Value;
type Args<P extends readonly CelType[]> = { -readonly [K in keyof P]: Arg<P[K]> };

function overload<const P extends readonly CelType[], R extends CelType>(
  id: string,
  member: boolean,
  params: P,
  result: R,
  call: (...args: Args<P>) => Arg<R>,
  turns: ((...args: Args<P>) => Turns | undefined) | undefined,
): Overload {
  // The dispatcher calls them with values of the parameters' types only.
  return {
    id,
    member,
    params,
    result,
    call: call as unknown as Implementation,
    turns: turns as unknown as InTurns | undefined,
  };
}

/** A global overload. */
export function fn<const P extends readonly CelType[], R extends CelType>(
  id: string,
  params: P,
  result: R,
  call: (...args: Args<P>) => Arg<R>,
  turns?: (...args: Args<P>) => Turns | undefined,
): Overload {
  return overload(id, false, params, result, call, turns);
}

/** A member overload: the first parameter is the receiver. */
export function method<const P extends readonly CelType[], R extends CelType>(
  id: string,
  params: P,
  result: R,
  call: (...args: Args<P>) => Arg<R>,
  turns?: (...args: Args<P>) => Turns | undefined,
): Overload {
  return overload(id, true, params, result, call, turns);
}

/** Functions by name. */
export type Functions = Readonly<Record<string, readonly Overload[]>>;

/** Several libraries as one; a name's overloads add up. */
export function mergeFunctions(libraries: readonly Functions[]): ReadonlyMap<string, readonly Overload[]> {
  const merged = new Map<string, readonly Overload[]>();
  for (const library of libraries) {
    for (const [name, overloads] of Object.entries(library)) {
      merged.set(name, [...(merged.get(name) ?? []), ...overloads]);
    }
  }
  return merged;
}

/** Whether a value may be passed where `type` is declared. */
export function isOfType(type: CelType, value: Value): boolean {
  switch (type.kind) {
    case "dyn":
    case "param":
      return true;
    case "null":
      return value === null;
    case "bool":
      return typeof value === "boolean";
    case "int":
      return typeof value === "bigint";
    case "uint":
      return value instanceof Uint;
    case "double":
      return typeof value === "number";
    case "string":
      return typeof value === "string";
    case "bytes":
      return value instanceof Uint8Array;
    case "timestamp":
      return value instanceof Timestamp;
    case "duration":
      return value instanceof Duration;
    case "list":
      return value instanceof CelList;
    case "map":
    case "struct":
      return value instanceof CelMap;
    case "type":
      return value instanceof TypeValue;
    case "opaque":
      if (type.name === "optional_type") return value instanceof Optional;
      return value instanceof CelObject && value.type.name === type.name;
    default:
      return false;
  }
}

export type { Typed };
