import { newResourceExpired, parseJsonExactly, type KubeObject } from "@knots/machinery";
import { encodeObject } from "./encode-object.ts";
import { placeRevision } from "./stored-form.ts";

/**
 * How many states stay decoded: those that were written or asked for last. All of them would take several times the
 * memory of the bytes.
 */
const KEPT_DECODED = 1024;
const decoded: (Entry | undefined)[] = [];
let nextDecoded = 0;

/** Entries that a writer of this process made, by the bytes it handed to the store: the cache need not parse them. */
const writtenByBytes = new WeakMap<Uint8Array, Entry>();

/** Reads the bytes of a state as they lie in the store; undefined when compaction has dropped them. */
export type ReadStored = (key: string, revision: number) => Uint8Array | undefined;

/**
 * One state of one object: its final JSON bytes (apiVersion, kind and resourceVersion in place) and, made when
 * first asked for, the decoded object. Immutable: a new state is a new entry. Readers must not change `object`.
 * A state that is seldom read can be `released`: it takes hardly any memory then, and each reading gets its bytes anew.
 */
export class Entry {
  /** Full store key. */
  readonly key: string;
  /** resourceVersion as a number. */
  readonly revision: number;
  readonly createRevision: number;
  /** Or where to find them: in the store, or by what they were before a deletion. */
  #bytes: Uint8Array | ReadStored | Entry;
  #object: KubeObject | undefined;
  #labels: Readonly<Record<string, string>> | undefined;
  #fields: Record<string, string> | undefined;
  #views: Map<string, Uint8Array> | undefined;

  constructor(key: string, revision: number, createRevision: number, bytes: Uint8Array, object?: KubeObject) {
    this.key = key;
    this.revision = revision;
    this.createRevision = createRevision;
    this.#bytes = bytes;
    if (object !== undefined) this.adopt(object);
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
    if (this.#object !== undefined) return;
    this.#object = object;
    decoded[nextDecoded]?.forget();
    decoded[nextDecoded] = this;
    nextDecoded = (nextDecoded + 1) % KEPT_DECODED;
  }

  /** Throws "Expired" where the state was released and is compacted since. */
  get bytes(): Uint8Array {
    if (this.#bytes instanceof Uint8Array) return this.#bytes;
    if (this.#bytes instanceof Entry) return encodeObject(bearing(this.#bytes.object, this.revision));
    const stored = this.#bytes(this.key, this.revision);
    if (stored === undefined) throw newResourceExpired("The provided resource version is too old.");
    return placeRevision(stored, this.revision);
  }

  get object(): KubeObject {
    if (this.#object !== undefined) return this.#object;
    const object = parseJsonExactly(decoder.decode(this.bytes)) as KubeObject;
    this.adopt(object);
    return object;
  }

  /** Lets go of the decoded object; who asks for it later waits for the bytes to be parsed. */
  forget(): void {
    this.#object = undefined;
  }

  /** Lets go of the bytes, too, which from now on are read from the store whenever somebody asks. */
  release(read: ReadStored): void {
    this.#object = this.#labels = this.#fields = this.#views = undefined;
    if (this.#bytes instanceof Uint8Array) this.#bytes = read;
  }

  /** As release, for a state that is no more than another one bearing a later revision. */
  releaseTo(last: Entry): void {
    this.#object = this.#labels = this.#fields = this.#views = undefined;
    this.#bytes = last;
  }

  /** Of the object's metadata; known without decoding once they were asked for. */
  get labels(): Readonly<Record<string, string>> {
    this.#labels ??= this.object.metadata?.labels ?? NONE;
    return this.#labels;
  }

  /** Selectable fields, computed once by the resource's rule. */
  fields(compute: (object: KubeObject) => Record<string, string>): Record<string, string> {
    this.#fields ??= compute(this.object);
    return this.#fields;
  }

  /** Bytes of this state in another form (another API version), made once per form. */
  view(form: string, make: (entry: Entry) => Uint8Array): Uint8Array {
    const known = this.#views?.get(form);
    if (known !== undefined) return known;
    const bytes = make(this);
    if (this.#bytes instanceof Uint8Array) {
      this.#views ??= new Map();
      this.#views.set(form, bytes);
    }
    return bytes;
  }

  /** This state as a DELETED event shows it: the last state, bearing the revision of the deletion. */
  deletedAt(revision: number): Entry {
    const last = bearing(this.object, revision);
    return new Entry(this.key, revision, this.createRevision, encodeObject(last), last);
  }
}

function bearing(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

const NONE: Readonly<Record<string, string>> = {};
const decoder = new TextDecoder();
