// What a type looks like, for validation, pruning, patches and server-side apply: built-in types and custom resources give the same form.
// Schemas may be recursive (fields and elements are resolved lazily): compare them by identity.

export interface FieldSchema {
  name: string;
  type: TypeSchema;
  required?: boolean;
  nullable?: boolean;
  default?: unknown;
  /** Strategic merge patch: "merge", "replace", "retainKeys". */
  patchStrategy?: string[];
  patchMergeKey?: string;
}

export type TypeSchema =
  | {
      kind: "scalar";
      scalar:
        | "string"
        | "bool"
        | "int32"
        | "int64"
        | "float64"
        | "bytes"
        | "int-or-string"
        | "quantity"
        | "time"
        | "microtime"
        | "duration";
      enum?: string[];
    }
  | {
      kind: "struct";
      name: string;
      fields: ReadonlyMap<string, FieldSchema>;
      structType?: "atomic" | "granular";
      /** Fields beside the named ones are kept: x-kubernetes-preserve-unknown-fields next to properties. */
      preserveUnknown?: true;
    }
  | { kind: "list"; element: TypeSchema; listType: "atomic" | "set" | "map"; mapKeys?: string[] }
  | { kind: "map"; value: TypeSchema; mapType?: "atomic" | "granular" }
  | { kind: "any"; preserveUnknown: true; embedded?: boolean };
