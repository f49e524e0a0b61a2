import { setKey } from "@knots/machinery";
import { MODELS } from "../generated/schema-data.ts";
import type { CompactField, CompactModel, CompactType } from "../schema/compact.ts";
import {
  durationCodec,
  eachField,
  intOrStringCodec,
  microTimeCodec,
  quantityCodec,
  rawJsonCodec,
  schemaOr,
  secondsCodec,
} from "./special.ts";
import { BYTES, FIXED64, VARINT } from "./wire.ts";
import type { WireReader, WireWriter } from "./wire.ts";

/** Writes a JSON value as the contents of a message, and reads it back. */
export interface MessageCodec {
  encode(value: unknown, writer: WireWriter): void;
  decode(reader: WireReader): unknown;
}

/** A field's value with its wire type. */
interface ValueCodec {
  readonly wire: number;
  write(value: unknown, writer: WireWriter): void;
  read(reader: WireReader): unknown;
  /** Written for a plain field that nobody set. */
  readonly zero: unknown;
}

type JsonObject = Record<string, unknown>;

const BASE: Readonly<Record<string, ValueCodec>> = {
  string: { wire: BYTES, write: (value, w) => w.string(String(value)), read: (r) => r.string(), zero: "" },
  bool: { wire: VARINT, write: (value, w) => w.varint(value ? 1 : 0), read: (r) => r.varint() !== 0, zero: false },
  int32: { wire: VARINT, write: (value, w) => w.varint(Number(value)), read: (r) => r.varint(), zero: 0 },
  int64: { wire: VARINT, write: (value, w) => w.varint(Number(value)), read: (r) => r.varint(), zero: 0 },
  float64: { wire: FIXED64, write: (value, w) => w.double(Number(value)), read: (r) => r.double(), zero: 0 },
  bytes: {
    wire: BYTES,
    write: (value, w) => w.bytes(Buffer.from(String(value), "base64")),
    read: (r) => Buffer.from(r.bytes()).toString("base64"),
    zero: undefined,
  },
};

const SPECIAL: Readonly<Record<string, MessageCodec>> = {
  Quantity: quantityCodec,
  IntOrString: intOrStringCodec,
  RawExtension: rawJsonCodec,
  "meta/v1.FieldsV1": rawJsonCodec,
  "meta/v1.Time": secondsCodec,
  "meta/v1.MicroTime": microTimeCodec,
  "meta/v1.Duration": durationCodec,
  "apiextensions/v1.JSON": rawJsonCodec,
  "apiextensions/v1.JSONSchemaPropsOrArray": schemaOr(() => schemaProps(), "array"),
  "apiextensions/v1.JSONSchemaPropsOrBool": schemaOr(() => schemaProps(), "bool"),
  "apiextensions/v1.JSONSchemaPropsOrStringArray": schemaOr(() => schemaProps(), "strings"),
};

const schemaProps = (): MessageCodec => messageCodec("apiextensions/v1.JSONSchemaProps");

/** Named list types that are messages of their own: {1: repeated string}. */
const isListMessage = (name: string): boolean => /\.(ExtraValue|Verbs)$/.test(name);

const listMessageCodec: MessageCodec = {
  encode(value, writer) {
    for (const each of value as unknown[]) {
      writer.tag(1, BYTES);
      writer.string(String(each));
    }
  },
  decode(reader) {
    const list: string[] = [];
    eachField(reader, (field) => {
      if (field !== 1) return false;
      list.push(reader.string());
      return true;
    });
    return list;
  },
};

const codecs = new Map<string, MessageCodec>();

/** The codec of a model by its short name ("core/v1.PodSpec"), compiled on first use. */
export function messageCodec(name: string): MessageCodec {
  let codec = codecs.get(name);
  if (!codec) {
    codec = SPECIAL[name] ?? (isListMessage(name) ? listMessageCodec : structCodec(name));
    codecs.set(name, codec);
  }
  return codec;
}

export const hasMessage = (name: string): boolean => name in MODELS;

const parsed = new Map<string, CompactModel>();

function model(name: string): CompactModel {
  let data = parsed.get(name);
  if (!data) {
    const text = MODELS[name];
    if (text === undefined) throw new Error(`no protobuf message is known for ${name}`);
    data = JSON.parse(text) as CompactModel;
    parsed.set(name, data);
  }
  return data;
}

function structCodec(name: string): MessageCodec {
  const fields = model(name).f;
  if (!fields) throw new Error(`${name} is no protobuf message`);
  let level: MessageLevel | undefined;
  return {
    encode(value, writer) {
      level ??= new MessageLevel(fields.map((field) => ({ field, parents: field.pp ?? [] })));
      level.encode(value as JsonObject, writer);
    },
    decode(reader) {
      level ??= new MessageLevel(fields.map((field) => ({ field, parents: field.pp ?? [] })));
      const value: JsonObject = {};
      level.decode(reader, value);
      return value;
    },
  };
}

interface Placed {
  readonly field: CompactField;
  /** Messages still to enter before this field. */
  readonly parents: readonly number[];
}

/** A message whose inlined structs are messages inside it while their JSON fields stand side by side. */
class MessageLevel {
  readonly #members: { number: number; encode(obj: JsonObject, writer: WireWriter): void }[] = [];
  readonly #readers = new Map<number, (reader: WireReader, obj: JsonObject) => void>();

  constructor(placed: readonly Placed[]) {
    const inner = new Map<number, Placed[]>();
    for (const { field, parents } of placed) {
      const [first, ...rest] = parents;
      if (first !== undefined) {
        // Number 0: TypeMeta, which the envelope carries.
        if (first !== 0) inner.set(first, [...(inner.get(first) ?? []), { field, parents: rest }]);
      } else if (field.p !== undefined) this.#add(field, field.p);
    }
    for (const [number, members] of inner) this.#addInner(number, new MessageLevel(members));
    // Ascending numbers, as every other implementation writes them.
    this.#members.sort((a, b) => a.number - b.number);
  }

  encode(obj: JsonObject, writer: WireWriter): void {
    for (const member of this.#members) member.encode(obj, writer);
  }

  decode(reader: WireReader, obj: JsonObject): void {
    eachField(reader, (number) => {
      const read = this.#readers.get(number);
      if (!read) return false;
      read(reader, obj);
      return true;
    });
  }

  #addInner(number: number, level: MessageLevel): void {
    const encode = (obj: JsonObject, writer: WireWriter): void => {
      writer.tag(number, BYTES);
      writer.message(() => level.encode(obj, writer));
    };
    this.#members.push({ number, encode });
    this.#readers.set(number, (reader, obj) => level.decode(reader.message(), obj));
  }

  #add(field: CompactField, number: number): void {
    const type = resolve(field.t);
    if (typeof type === "string") this.#addSingle(field, number, valueCodec(type));
    else if ("l" in type) this.#addList(field.n, number, valueCodec(type.l as string));
    else this.#addMap(field.n, number, valueCodec(type.m as string));
  }

  #addSingle(field: CompactField, number: number, codec: ValueCodec): void {
    const name = field.n;
    const zero = field.ptr ? undefined : codec.zero;
    const encode = (obj: JsonObject, writer: WireWriter): void => {
      const value = obj[name] ?? zero;
      if (value === undefined || value === null) return;
      writer.tag(number, codec.wire);
      codec.write(value, writer);
    };
    this.#members.push({ number, encode });
    this.#readers.set(number, (reader, obj) => {
      const value = codec.read(reader);
      if (value !== undefined && !(field.o && !field.ptr && isZero(value))) obj[name] = value;
    });
  }

  #addList(name: string, number: number, codec: ValueCodec): void {
    const encode = (obj: JsonObject, writer: WireWriter): void => {
      for (const each of (obj[name] as unknown[] | undefined) ?? []) {
        writer.tag(number, codec.wire);
        codec.write(each, writer);
      }
    };
    this.#members.push({ number, encode });
    this.#readers.set(number, (reader, obj) => {
      const list = (obj[name] ??= []) as unknown[];
      list.push(codec.read(reader));
    });
  }

  #addMap(name: string, number: number, codec: ValueCodec): void {
    const encode = (obj: JsonObject, writer: WireWriter): void => {
      const map = (obj[name] as JsonObject | undefined) ?? {};
      // Sorted, so that equal maps have equal bytes.
      for (const key of Object.keys(map).toSorted()) {
        writer.tag(number, BYTES);
        writer.message(() => {
          writer.tag(1, BYTES);
          writer.string(key);
          writer.tag(2, codec.wire);
          codec.write(map[key], writer);
        });
      }
    };
    this.#members.push({ number, encode });
    this.#readers.set(number, (reader, obj) => {
      const map = (obj[name] ??= {}) as JsonObject;
      let key = "";
      let value: unknown = codec.zero ?? "";
      const entry = reader.message();
      eachField(entry, (field) => {
        if (field === 1) key = entry.string();
        else if (field === 2) value = codec.read(entry);
        else return false;
        return true;
      });
      setKey(map, key, value);
    });
  }
}

const isZero = (value: unknown): boolean => value === "" || value === 0 || value === false;

/** Follows names to what the wire has: a base type, a message, a list or a map of these. */
function resolve(type: CompactType): CompactType {
  if (typeof type !== "string") {
    if ("l" in type) return { l: resolve(type.l) };
    return { m: resolve(type.m) };
  }
  if (type in BASE || type in SPECIAL || isListMessage(type)) return type;
  const { a: alias, s: scalar } = model(type);
  if (alias !== undefined) return resolve(alias);
  return scalar !== undefined && scalar in BASE ? scalar : type;
}

function valueCodec(type: string): ValueCodec {
  const base = BASE[type];
  if (base) return base;
  // Looked up at first use: types contain themselves.
  let codec: MessageCodec | undefined;
  const get = (): MessageCodec => (codec ??= messageCodec(type));
  const isTime = type === "meta/v1.Time" || type === "meta/v1.MicroTime";
  const isAny = SPECIAL[type] === rawJsonCodec || isListMessage(type);
  return {
    wire: BYTES,
    write: (value, writer) => writer.message(() => get().encode(value, writer)),
    read: (reader) => get().decode(reader.message()),
    zero: isTime ? "" : isAny ? undefined : (MESSAGE_ZEROS[type] ?? {}),
  };
}

const MESSAGE_ZEROS: Readonly<Record<string, unknown>> = {
  Quantity: "0",
  IntOrString: 0,
  "meta/v1.Duration": "0s",
};
