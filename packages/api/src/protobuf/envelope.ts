import { PACKAGES } from "../generated/schema-data.ts";
import { hasMessage, messageCodec } from "./message.ts";
import type { MessageCodec } from "./message.ts";
import { eachField } from "./special.ts";
import { BYTES, WireReader, WireWriter } from "./wire.ts";

/** The four bytes before every object: "k8s" and zero. */
const MAGIC = new Uint8Array([0x6b, 0x38, 0x73, 0x00]);

interface TypedObject {
  apiVersion?: string;
  kind?: string;
}

function codecFor(apiVersion: string, kind: string): MessageCodec | undefined {
  const slash = apiVersion.indexOf("/");
  const key = slash < 0 ? `/${apiVersion}` : apiVersion;
  const module = PACKAGES[key];
  for (const name of [`${module ?? ""}.${kind}`, `meta/v1.${kind}`]) if (hasMessage(name)) return messageCodec(name);
  return undefined;
}

/** Whether objects of a kind have a protobuf form: built-in kinds do, custom ones do not. */
export const hasProtobuf = (apiVersion: string, kind: string): boolean => codecFor(apiVersion, kind) !== undefined;

/** An object in its envelope (runtime.Unknown). Throws for kinds without a protobuf form. */
export function encodeProtobuf(obj: object): Uint8Array {
  const { apiVersion = "", kind = "" } = obj as TypedObject;
  const codec = codecFor(apiVersion, kind);
  if (!codec) throw new Error(`object *${kind} of ${apiVersion} does not implement the protobuf marshalling interface`);
  const writer = new WireWriter();
  writer.raw(MAGIC);
  writer.tag(1, BYTES);
  writer.message(() => {
    writer.tag(1, BYTES);
    writer.string(apiVersion);
    writer.tag(2, BYTES);
    writer.string(kind);
  });
  writer.tag(2, BYTES);
  writer.message(() => codec.encode(obj, writer));
  // Content encoding and type: empty, the raw bytes are plain protobuf.
  for (const field of [3, 4]) {
    writer.tag(field, BYTES);
    writer.string("");
  }
  return writer.finish();
}

export const isProtobuf = (bytes: Uint8Array): boolean => MAGIC.every((byte, index) => bytes[index] === byte);

/**
 * An object out of its envelope, in JSON shape, with apiVersion and kind. `fallback` names the type of bodies that
 * leave it out. Throws on bytes that are no envelope, unknown kinds and malformed messages.
 */
export function decodeProtobuf(bytes: Uint8Array, fallback: TypedObject = {}): Record<string, unknown> {
  if (!isProtobuf(bytes))
    throw new Error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  const reader = new WireReader(bytes, MAGIC.length);
  let apiVersion = "";
  let kind = "";
  let raw: Uint8Array = new Uint8Array();
  eachField(reader, (field) => {
    if (field === 2) raw = reader.bytes();
    else if (field === 1) {
      const meta = reader.message();
      eachField(meta, (metaField) => {
        if (metaField === 1) apiVersion = meta.string();
        else if (metaField === 2) kind = meta.string();
        else return false;
        return true;
      });
    } else return false;
    return true;
  });
  apiVersion ||= fallback.apiVersion ?? "";
  kind ||= fallback.kind ?? "";
  const codec = codecFor(apiVersion, kind);
  if (!codec) throw new Error(`no kind "${kind}" is registered for version "${apiVersion}"`);
  return { apiVersion, kind, ...(codec.decode(new WireReader(raw)) as Record<string, unknown>) };
}

/**
 * One frame of a watch in protobuf: its length in four bytes, then a WatchEvent whose object is `object`, bytes of
 * encodeProtobuf.
 */
export function encodeWatchFrame(type: string, object: Uint8Array): Uint8Array {
  const writer = new WireWriter(object.length + 64);
  writer.tag(1, BYTES);
  writer.string(type);
  writer.tag(2, BYTES);
  writer.message(() => {
    writer.tag(1, BYTES);
    writer.bytes(object);
  });
  const event = writer.finish();
  const frame = new Uint8Array(event.length + 4);
  new DataView(frame.buffer).setUint32(0, event.length);
  frame.set(event, 4);
  return frame;
}
