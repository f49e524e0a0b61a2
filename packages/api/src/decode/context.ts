/** State of one decoding: where it stands, what it found. */
export class DecodeContext {
  /** JSON names and list indices from the root. */
  readonly path: (string | number)[] = [];
  /** Full paths of fields that the type does not have: `spec.containers[0].foo`. */
  readonly unknownFields: string[] = [];
  /** Texts of values that do not fit, in order of appearance. */
  readonly errors: string[] = [];
  /** Names of the Go structs entered, innermost last. */
  readonly structs: string[] = [];
  readonly keepUnknown: boolean;

  constructor(options: { keepUnknown: boolean }) {
    this.keepUnknown = options.keepUnknown;
  }

  unknown(field: string): void {
    this.unknownFields.push(formatPath([...this.path, field]));
  }

  /** The text of a value of the wrong JSON type, as Go's decoder words it. */
  mismatch(value: unknown, goType: string): void {
    const field = this.path.filter((each) => typeof each === "string").join(".");
    const struct = this.structs.at(-1);
    const where = struct && field ? `Go struct field ${struct}.${field}` : "Go value";
    this.errors.push(`json: cannot unmarshal ${jsonTypeName(value)} into ${where} of type ${goType}`);
  }
}

/** ["spec", "containers", 0, "foo"] → "spec.containers[0].foo" */
export function formatPath(path: readonly (string | number)[]): string {
  let text = "";
  for (const part of path) text += typeof part === "number" ? `[${part}]` : text === "" ? part : `.${part}`;
  return text;
}

/** Go's word for a JSON value; numbers that do not fit their type are quoted. */
function jsonTypeName(value: unknown): string {
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
    case "bigint":
      return "number";
    default:
      return "object";
  }
}
