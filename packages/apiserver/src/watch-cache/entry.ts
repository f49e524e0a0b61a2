import type { KubeObject, ManagedFieldsEntry } from "@knots/machinery";
import { fieldsText } from "@knots/machinery/managed-fields/index";

/** Decoded objects that a writer of this process already has, by the bytes it handed to the store. */
const decodedByBytes = new WeakMap<Uint8Array, KubeObject>();

/** Remembers what `bytes` decode to, so that the cache need not parse what this process just wrote. */
export function rememberDecoded(bytes: Uint8Array, object: KubeObject): void {
  decodedByBytes.set(bytes, object);
}

/**
 * One state of one object: its final JSON bytes (apiVersion, kind and resourceVersion in place) and, made when
 * first asked for, the decoded object. Immutable: a new state is a new entry. Readers must not change `object`.
 */
export class Entry {
  /** Full store key. */
  readonly key: string;
  /** resourceVersion as a number. */
  readonly revision: number;
  readonly createRevision: number;
  readonly bytes: Uint8Array;
  #object: KubeObject | undefined;
  #fields: Record<string, string> | undefined;
  #views: Map<string, Uint8Array> | undefined;

  constructor(key: string, revision: number, createRevision: number, bytes: Uint8Array, object?: KubeObject) {
    this.key = key;
    this.revision = revision;
    this.createRevision = createRevision;
    this.bytes = bytes;
    this.#object = object ?? decodedByBytes.get(bytes);
  }

  get object(): KubeObject {
    this.#object ??= JSON.parse(decoder.decode(this.bytes)) as KubeObject;
    return this.#object;
  }

  /** Selectable fields, computed once by the resource's rule. */
  fields(compute: (object: KubeObject) => Record<string, string>): Record<string, string> {
    this.#fields ??= compute(this.object);
    return this.#fields;
  }

  /** Bytes of this state in another form (another API version), made once per form. */
  view(form: string, make: (object: KubeObject) => Uint8Array): Uint8Array {
    let bytes = this.#views?.get(form);
    if (bytes === undefined) {
      bytes = make(this.object);
      this.#views ??= new Map();
      this.#views.set(form, bytes);
    }
    return bytes;
  }

  /** This state as a DELETED event shows it: the last state, bearing the revision of the deletion. */
  deletedAt(revision: number): Entry {
    const object = this.object;
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
    return new Entry(this.key, revision, this.createRevision, encodeObject(last), last);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** JSON bytes of an object with kind, apiVersion and metadata first, as upstream writes it. */
export function encodeObject(object: KubeObject): Uint8Array {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { managedFields } = metadata ?? {};
  if (metadata === undefined || managedFields === undefined || managedFields.length === 0) {
    return encoder.encode(JSON.stringify({ kind, apiVersion, metadata, ...rest }));
  }
  // Managed fields are half of many an object, and their texts are known: they are put in as they are.
  const head = JSON.stringify({ kind, apiVersion, metadata: { ...metadata, managedFields: undefined } });
  const tail = JSON.stringify(rest);
  const inner = head.slice(0, -2);
  const comma = inner.endsWith("{") ? "" : ",";
  const more = tail === "{}" ? "}" : `,${tail.slice(1)}`;
  return encoder.encode(`${inner}${comma}"managedFields":[${managedFields.map(entryText).join(",")}]}${more}`);
}

function entryText(entry: ManagedFieldsEntry): string {
  const { fieldsV1, subresource, ...who } = entry;
  if (fieldsV1 === undefined) return JSON.stringify(entry);
  const head = JSON.stringify(who).slice(0, -1);
  const comma = head === "{" ? "" : ",";
  const end = subresource === undefined ? "}" : `,"subresource":${JSON.stringify(subresource)}}`;
  return `${head}${comma}"fieldsV1":${fieldsText(fieldsV1)}${end}`;
}
