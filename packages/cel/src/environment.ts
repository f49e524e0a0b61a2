import { mergeFunctions } from "./functions.ts";
import type { Functions, Overload } from "./functions.ts";
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
  optionalOf,
  typeOf,
} from "./types.ts";
import type { CelType } from "./types.ts";

/** What expressions may refer to. */
export interface Environment {
  readonly variables: ReadonlyMap<string, CelType>;
  readonly functions: ReadonlyMap<string, readonly Overload[]>;
  /** Types by the names under which expressions mention them. */
  readonly types: ReadonlyMap<string, CelType>;
  /** The struct that `Name{…}` makes. */
  readonly structNamed: (name: string) => CelType | undefined;
  /** Elements of a list or map literal must be of one type. */
  readonly homogeneousLiterals: boolean;
  /** Literals of durations, times and patterns must be such when the expression is compiled. */
  readonly literalChecks: boolean;
  /** Whether `cel.bind(name, value, expression)` is there. */
  readonly bindings?: boolean;
}

export interface EnvironmentOptions {
  readonly libraries: readonly Functions[];
  readonly variables?: Readonly<Record<string, CelType>>;
  readonly types?: readonly CelType[];
  readonly structNamed?: (name: string) => CelType | undefined;
  readonly homogeneousLiterals?: boolean;
  readonly literalChecks?: boolean;
}

const STANDARD_TYPES: readonly [string, CelType][] = [
  ["bool", BOOL],
  ["int", INT],
  ["uint", UINT],
  ["double", DOUBLE],
  ["string", STRING],
  ["bytes", BYTES],
  ["null_type", NULL],
  ["list", listOf(DYN)],
  ["map", mapOf(DYN, DYN)],
  ["type", typeOf(DYN)],
  ["optional_type", optionalOf(DYN)],
  [TIMESTAMP.name, TIMESTAMP],
  [DURATION.name, DURATION],
];

export function newEnvironment(options: EnvironmentOptions): Environment {
  return {
    variables: new Map(Object.entries(options.variables ?? {})),
    functions: mergeFunctions(options.libraries),
    types: new Map([...STANDARD_TYPES, ...(options.types ?? []).map((type): [string, CelType] => [type.name, type])]),
    structNamed: options.structNamed ?? (() => undefined),
    homogeneousLiterals: options.homogeneousLiterals ?? true,
    literalChecks: options.literalChecks ?? true,
  };
}

/** The same environment with variables more. */
export function withVariables(base: Environment, variables: Readonly<Record<string, CelType>>): Environment {
  return { ...base, variables: new Map([...base.variables, ...Object.entries(variables)]) };
}
