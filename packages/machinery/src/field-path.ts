// Where in an object something is wrong, and what: upstream's field.Path and field.Error with their texts.

export class FieldPath {
  readonly #parent: FieldPath | undefined;
  readonly #text: string;

  private constructor(text: string, parent?: FieldPath) {
    this.#text = text;
    this.#parent = parent;
  }

  static root(name: string): FieldPath {
    return new FieldPath(name);
  }

  child(name: string, ...more: string[]): FieldPath {
    let path = new FieldPath(`.${name}`, this);
    for (const each of more) path = new FieldPath(`.${each}`, path);
    return path;
  }

  index(index: number): FieldPath {
    return new FieldPath(`[${index}]`, this);
  }

  key(key: string): FieldPath {
    return new FieldPath(`[${key}]`, this);
  }

  toString(): string {
    return (this.#parent?.toString() ?? "") + this.#text;
  }
}

export type FieldErrorType =
  | "FieldValueNotFound"
  | "FieldValueRequired"
  | "FieldValueDuplicate"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "InternalError"
  | "FieldValueTypeInvalid";

export interface FieldError {
  type: FieldErrorType | (string & {});
  field: string;
  badValue?: unknown;
  detail: string;
}

const TITLES: Readonly<Record<string, string>> = {
  FieldValueNotFound: "Not found",
  FieldValueRequired: "Required value",
  FieldValueDuplicate: "Duplicate value",
  FieldValueInvalid: "Invalid value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueForbidden: "Forbidden",
  FieldValueTooLong: "Too long",
  FieldValueTooMany: "Too many",
  InternalError: "Internal error",
  FieldValueTypeInvalid: "Invalid value",
};

/** A bad value that error texts show as it stands, without quotes. */
export class VerbatimValue {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Stands for a value too large to show. */
/** As a bad value: the message shows none. */
export const OMITTED = "<value omitted>";

const WITHOUT_VALUE = new Set(["FieldValueRequired", "FieldValueForbidden", "FieldValueTooLong", "InternalError"]);

function valueText(value: unknown): string {
  // Quoted: upstream puts the word in the place of the value before it formats it.
  if (value === undefined || value === null) return '"null"';
  if (value instanceof VerbatimValue) return value.text;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  return JSON.stringify(value) ?? '"null"';
}

/** The text after "field: ", as upstream's ErrorBody. */
export function fieldErrorMessage(error: FieldError): string {
  const title = TITLES[error.type] ?? error.type;
  const body =
    WITHOUT_VALUE.has(error.type) || error.badValue === OMITTED ? title : `${title}: ${valueText(error.badValue)}`;
  return error.detail === "" ? body : `${body}: ${error.detail}`;
}

/** "spec.containers[0].image: Required value". */
export function formatFieldError(error: FieldError): string {
  return `${error.field}: ${fieldErrorMessage(error)}`;
}

type Where = FieldPath | string;

export function required(path: Where, detail = ""): FieldError {
  return { type: "FieldValueRequired", field: path.toString(), badValue: "", detail };
}

export function invalid(path: Where, badValue: unknown, detail: string): FieldError {
  return { type: "FieldValueInvalid", field: path.toString(), badValue, detail };
}

export function typeInvalid(path: Where, badValue: unknown, detail: string): FieldError {
  return { type: "FieldValueTypeInvalid", field: path.toString(), badValue, detail };
}

export function notSupported(path: Where, badValue: unknown, supported: readonly string[]): FieldError {
  const detail =
    supported.length === 0 ? "" : `supported values: ${supported.map((value) => JSON.stringify(value)).join(", ")}`;
  return { type: "FieldValueNotSupported", field: path.toString(), badValue, detail };
}

export function forbidden(path: Where, detail: string): FieldError {
  return { type: "FieldValueForbidden", field: path.toString(), badValue: "", detail };
}

export function duplicate(path: Where, badValue: unknown): FieldError {
  return { type: "FieldValueDuplicate", field: path.toString(), badValue, detail: "" };
}

export function notFound(path: Where, badValue: unknown): FieldError {
  return { type: "FieldValueNotFound", field: path.toString(), badValue, detail: "" };
}

export function tooLong(path: Where, _value: unknown, maxLength: number): FieldError {
  const detail =
    maxLength < 0 ? "value is too long" : `may not be more than ${maxLength} ${maxLength === 1 ? "byte" : "bytes"}`;
  return { type: "FieldValueTooLong", field: path.toString(), badValue: OMITTED, detail };
}

export function tooMany(path: Where, actual: number, max: number): FieldError {
  const detail = max < 0 ? "has too many items" : `must have at most ${max} ${max === 1 ? "item" : "items"}`;
  return {
    type: "FieldValueTooMany",
    field: path.toString(),
    badValue: actual < 0 ? OMITTED : actual,
    detail,
  };
}
