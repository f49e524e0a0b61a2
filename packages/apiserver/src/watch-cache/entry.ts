import type { KubeObject } from "@knots/machinery";
import { encodeObject } from "./encode-object.ts";
import { placeRevision } from "./stored-form.ts";

/** Entries that a writer of this process made, by the bytes it handed to the store: the cache need not parse them. */
const writtenByBytes = new WeakMap<Uint8Array, Entry>();

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
    this.#object = object;
  }

  /** The entry of bytes as they lie in the store, which do not know their revision. */
  static fromStored(key: string, revision: number, createRevision: number, stored: Uint8Array): Entry {
    const written = writtenByBytes.get(stored);
    if (written?.revision === revision && written.key === key) {
      writtenByBytes.delete(stored);
      return written;
    }
    return new Entry(key, revision, createRevision, placeRevision(stored, revision));
  }

  /** The entry of what this process has just handed to the store; the cache will take it as its own when it hears of it. */
  static written(
    key: string,
    revision: number,
    createRevision: number,
    stored: Uint8Array,
    object: KubeObject & { metadata: object },
  ): Entry {
    object.metadata.resourceVersion = String(revision);
    const entry = new Entry(key, revision, createRevision, placeRevision(stored, revision), object);
    writtenByBytes.set(stored, entry);
    return entry;
  }

  /** Gives the entry the decoded object that its writer has, unless it was parsed already. */
  adopt(object: KubeObject): void {
    this.#object ??= object;
  }

  get object(): KubeObject {
    this.#object ??= JSON.parse(decoder.decode(this.bytes)) as KubeObject;
    return this.#object;
  }

  /** Lets go of the decoded object; who asks for it later waits for the bytes to be parsed. */
  forget(): void {
    this.#object = undefined;
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

const decoder = new TextDecoder();
