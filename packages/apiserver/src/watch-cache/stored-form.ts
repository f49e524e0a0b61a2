// What the store keeps of an object: its JSON without resourceVersion, because the revision of a write is known only
// after it (so upstream does, too). Reading puts it in place, once for each state, without parsing.
import { parseJsonExactly } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { encodeLine } from "../json-line.ts";
import { encodeObject } from "./encode-object.ts";

const decoder = new TextDecoder();

const METADATA = Buffer.from(',"metadata":{');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CLOSE = 0x7d;
const LINE_FEED = 0x0a;
/** `{"kind":"` */
const KIND = Buffer.from('{"kind":"');
const API_VERSION = Buffer.from('","apiVersion":"');

/** The bytes to be stored: kind, apiVersion and metadata first, no resourceVersion. */
export function encodeStored(object: KubeObject): Uint8Array {
  const { resourceVersion: _placedOnReading, ...metadata } = object.metadata ?? {};
  return encodeObject({ ...object, metadata });
}

/** The final bytes of stored ones: `revision` as metadata.resourceVersion, and a line feed at the end. */
export function placeRevision(stored: Uint8Array, revision: number): Uint8Array {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const at = insideMetadata(bytes);
  if (at === undefined) return reencode(stored, revision);
  const text = `"resourceVersion":"${revision}"${bytes[at] === CLOSE ? "" : ","}`;
  // Older versions of this server stored no line feed.
  const line = bytes[bytes.length - 1] === LINE_FEED;
  const final = Buffer.allocUnsafeSlow(bytes.length + text.length + (line ? 0 : 1));
  bytes.copy(final, 0, 0, at);
  final.write(text, at, "latin1");
  bytes.copy(final, at + text.length, at);
  final[final.length - 1] = LINE_FEED;
  return final;
}

/** Where the first field of metadata begins, if the bytes have the form that encodeStored gives them. */
function insideMetadata(bytes: Buffer): number | undefined {
  if (!startsWith(bytes, KIND, 0)) return undefined;
  const kindEnd = plainStringEnd(bytes, KIND.length);
  if (kindEnd === undefined || !startsWith(bytes, API_VERSION, kindEnd)) return undefined;
  const versionEnd = plainStringEnd(bytes, kindEnd + API_VERSION.length);
  if (versionEnd === undefined || !startsWith(bytes, METADATA, versionEnd + 1)) return undefined;
  return versionEnd + 1 + METADATA.length;
}

/** The closing quote of a string without escapes that begins at `from`. */
function plainStringEnd(bytes: Buffer, from: number): number | undefined {
  const end = bytes.indexOf(QUOTE, from);
  return end < 0 || bytes.subarray(from, end).includes(BACKSLASH) ? undefined : end;
}

function startsWith(bytes: Buffer, part: Buffer, at: number): boolean {
  return bytes.compare(part, 0, part.length, at, at + part.length) === 0;
}

/** What another program wrote in another order. */
function reencode(stored: Uint8Array, revision: number): Uint8Array {
  const object = parseJsonExactly(decoder.decode(stored)) as KubeObject;
  const { kind, apiVersion, ...rest } = object;
  const metadata = { ...object.metadata, resourceVersion: String(revision) };
  return encodeLine(JSON.stringify({ kind, apiVersion, ...rest, metadata }));
}
