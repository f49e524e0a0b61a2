/** A base type ("string"), a model ("core/v1.PodSpec"), a list or a string-keyed map. */
export type CompactType = string | { readonly l: CompactType } | { readonly m: CompactType };

/** One field as the generated data hold it; absent properties mean "no". */
export interface CompactField {
  /** JSON name. */
  readonly n: string;
  readonly t: CompactType;
  /** Protobuf field number; absent where the message does not carry it. */
  readonly p?: number;
  /** Numbers of the nested messages that hold this field, outermost first; 0: no message of its own. */
  readonly pp?: readonly number[];
  /** nil and the zero value differ. */
  readonly ptr?: 1;
  readonly r?: 1;
  readonly nu?: 1;
  /** Left out of JSON when it has the zero value. */
  readonly o?: 1;
  readonly d?: unknown;
  readonly lt?: "atomic" | "set" | "map";
  readonly lk?: readonly string[];
  readonly mt?: "atomic" | "granular";
  readonly st?: "atomic" | "granular";
  readonly ps?: readonly string[];
  readonly pk?: string;
  /** What stands in JSON when nobody set it. */
  readonly z?: "struct" | "list" | "map" | "string" | "int" | "bool" | "quantity";
}

/** A struct (f), an alias of a list or map (a), or a scalar (s, with its closed set of values e). */
export interface CompactModel {
  readonly f?: readonly CompactField[];
  readonly st?: "atomic" | "granular";
  readonly a?: CompactType;
  readonly s?: string;
  readonly e?: readonly string[];
}
