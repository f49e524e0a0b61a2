// Field sets repeat: the pods of a ReplicaSet differ in names and addresses, hardly ever in which fields they have. Each
// form is kept once, with its JSON text for encoders and its set for the next write.
import type { FieldSet } from "./field-set.ts";
import type { FieldsV1 } from "./fields-v1.ts";

/** Forms per generation. */
const LIMIT = 2000;
/** Longer texts are rarely repeated. */
const MAX_LENGTH = 16 * 1024;

/** Two generations: what is used moves into the young one, what is not used goes with the old one. */
let young = new Map<string, FieldsV1>();
let old = new Map<string, FieldsV1>();

const texts = new WeakMap<FieldsV1, string>();
const sets = new WeakMap<FieldsV1, FieldSet>();

/** The shared form with this JSON text. It is never to be changed. */
export function internFields(text: string): FieldsV1 {
  let fields = young.get(text);
  if (fields !== undefined) return fields;
  fields = old.get(text);
  if (fields === undefined) {
    fields = JSON.parse(text) as FieldsV1;
    if (text.length > MAX_LENGTH) return fields;
    texts.set(fields, text);
  }
  if (young.size >= LIMIT) {
    old = young;
    young = new Map();
  }
  young.set(text, fields);
  return fields;
}

/** The JSON text of a field set in its FieldsV1 form, which is not made again for shared forms. */
export function fieldsText(fields: object): string {
  return texts.get(fields as FieldsV1) ?? JSON.stringify(fields);
}

/** The decoded set of a shared form, made once; forms that are not shared are decoded each time. */
export function sharedSet(fields: FieldsV1, decode: (fields: FieldsV1) => FieldSet): FieldSet {
  if (!texts.has(fields)) return decode(fields);
  let set = sets.get(fields);
  if (set === undefined) sets.set(fields, (set = decode(fields)));
  return set;
}
