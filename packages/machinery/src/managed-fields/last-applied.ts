// The annotation of client-side apply: what kubectl takes over from it when it goes on with server-side apply.
import type { KubeObject } from "../object.ts";
import { compare } from "./compare.ts";
import { EMPTY_SET } from "./field-set.ts";
import type { FieldSet } from "./field-set.ts";
import { toFieldSet } from "./to-field-set.ts";
import type { Typing } from "./typed.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
/** The only applier for whom the annotation is read and kept; another field manager opts out. */
export const KUBECTL = "kubectl";
/** Bytes of all annotations together. */
const ANNOTATIONS_LIMIT = 256 * 1024;

/**
 * The fields that were applied on the client's side and have not been changed by anybody since: kubectl owns them
 * whatever managedFields say. Empty without an annotation in this version.
 */
export function lastAppliedFields(live: KubeObject, apiVersion: string, typing: Typing): FieldSet {
  const text = live.metadata?.annotations?.[LAST_APPLIED] ?? "";
  if (text === "") return EMPTY_SET;
  try {
    const applied = JSON.parse(text) as KubeObject;
    if (applied.apiVersion !== apiVersion) return EMPTY_SET;
    const { added, modified, removed } = compare(applied, live, typing);
    return toFieldSet(applied, typing).difference(modified).difference(added).difference(removed);
  } catch {
    // Somebody's broken annotation claims nothing.
    return EMPTY_SET;
  }
}

/** Brings the annotation, where there is one, in line with what has just been applied. Changes `object`. */
export function updateLastApplied(object: KubeObject, config: KubeObject): void {
  const annotations = object.metadata?.annotations;
  if (annotations === undefined || (annotations[LAST_APPLIED] ?? "") === "") return;
  const { managedFields: _fields, ...metadata } = config.metadata ?? {};
  if (metadata.annotations !== undefined) {
    const { [LAST_APPLIED]: _applied, ...rest } = metadata.annotations;
    metadata.annotations = rest;
  }
  const next = { ...annotations, [LAST_APPLIED]: `${sortedJson({ ...config, metadata })}\n` };
  let size = 0;
  for (const [key, value] of Object.entries(next)) size += Buffer.byteLength(key) + Buffer.byteLength(value);
  if (size > ANNOTATIONS_LIMIT) next[LAST_APPLIED] = "";
  object.metadata = { ...object.metadata, annotations: next };
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
