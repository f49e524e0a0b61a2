import type { TypeSchema } from "@knots/machinery";
import { DecodeContext } from "./context.ts";
import type { ShapeWords } from "./context.ts";
import { decoderFor } from "./decoder.ts";

export interface ShapeReport {
  /** Paths of fields the type does not have; not filled in mode "ignore". */
  readonly unknownFields: string[];
  /** Texts of values that do not fit; the first is what upstream reports. */
  readonly errors: string[];
}

export interface ShapeOptions {
  /** As the request's fieldValidation; unknown fields are dropped in every mode. */
  readonly mode?: "ignore" | "warn" | "strict";
  /** Of the errors; the decoder's where absent. */
  readonly words?: ShapeWords | undefined;
}

/**
 * Brings a decoded JSON object into the shape of its type, in place, as upstream's decoder does: null means absent,
 * unknown fields go, quantities, times and durations become canonical, zero values appear where the type always
 * writes them and go where it never does. Reports what it dropped and what does not fit.
 */
export function validateShape(schema: TypeSchema, obj: unknown, options: ShapeOptions = {}): ShapeReport {
  const ctx = new DecodeContext({ keepUnknown: false, words: options.words });
  decoderFor(schema)(obj, ctx);
  return { unknownFields: options.mode === "ignore" ? [] : ctx.unknownFields, errors: ctx.errors };
}

/** Drops what the type does not have, in place; returns the paths of what was dropped. */
export function prune(schema: TypeSchema, obj: unknown): string[] {
  return validateShape(schema, obj).unknownFields;
}

/** One text for each unknown and duplicate field: what fieldValidation=Warn sends as Warning headers. */
export function strictDecodingWarnings(unknownFields: readonly string[], duplicateFields: readonly string[]): string[] {
  return [
    ...duplicateFields.map((field) => `duplicate field "${field}"`),
    ...unknownFields.map((field) => `unknown field "${field}"`),
  ];
}
