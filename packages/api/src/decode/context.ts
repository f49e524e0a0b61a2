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
  readonly #words: ShapeWords;

  constructor(options: { keepUnknown: boolean; words?: ShapeWords | undefined }) {
    this.keepUnknown = options.keepUnknown;
    this.#words = options.words ?? "decoder";
  }

  unknown(field: string): void {
    this.unknownFields.push(formatPath([...this.path, field]));
  }

  /** The text of a value of the wrong JSON type; `kind` is Go's of the type: "struct", "map", "slice", or a scalar's. */
  mismatch(value: unknown, goType: string, kind: string): void {
    if (this.#words === "converter") {
      this.errors.push(conversionProblem(value, goType, kind));
      return;
    }
    const field = this.path.filter((each) => typeof each === "string").join(".");
    const struct = this.structs.at(-1);
    const where = struct && field ? `Go struct field ${struct}.${field}` : "Go value";
    this.errors.push(`json: cannot unmarshal ${jsonTypeName(value)} into ${where} of type ${goType}`);
  }
}

/**
 * In whose words a value of the wrong type is spoken of: those of Go's JSON decoder, which reads bodies, or those of
 * upstream's converter from unstructured objects, which reads what a strategic merge patch leads to.
 */
export type ShapeWords = "decoder" | "converter";

function conversionProblem(value: unknown, goType: string, kind: string): string {
  const whole = typeof value === "bigint" || Number.isInteger(value);
  const from = typeof value === "number" || whole ? (whole ? "int64" : "float64") : goKind(value);
  switch (kind) {
    case "struct":
      return `cannot restore struct from: ${from}`;
    case "map":
    case "slice":
      return `cannot restore ${kind} from ${from}`;
    case "string":
      // Go could make a letter of a whole number.
      return from === "int64" ? `cannot convert int64 to ${goType}` : "unrecognized type: string";
    default:
      return from === "float64" ? `cannot convert float64 to ${goType}` : `unrecognized type: ${kind}`;
  }
}

/** Go's kind of a value that is no number. */
function goKind(value: unknown): string {
  if (Array.isArray(value)) return "slice";
  return typeof value === "boolean" ? "bool" : typeof value === "string" ? "string" : "map";
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
