import { encodeProtobuf } from "@knots/api";

const MAGIC_LENGTH = 4;
/** Field 2, length-delimited: `raw` in the envelope, and `items` in every list message. */
const FIELD_2 = 0x12;
/** Empty content encoding and content type, which end an envelope. */
const TAIL = new Uint8Array([0x1a, 0x00, 0x22, 0x00]);

/**
 * A protobuf list put together from its items' envelopes, without encoding any item again: every list kind is
 * {1: ListMeta, 2: repeated item}.
 */
export function protobufListParts(
  head: { kind: string; apiVersion: string; metadata: object },
  items: readonly Uint8Array[],
): Uint8Array[] {
  const empty = split(encodeProtobuf({ ...head, items: [] }));
  const parts: Uint8Array[] = [];
  let size = empty.raw.length;
  for (const item of items) {
    const { raw } = split(item);
    const prefix = tagged(raw.length);
    parts.push(prefix, raw);
    size += prefix.length + raw.length;
  }
  return [empty.before, tagged(size), empty.raw, ...parts, TAIL];
}

/** What stands before the raw message of an envelope, and the raw message. */
function split(envelope: Uint8Array): { before: Uint8Array; raw: Uint8Array } {
  // Field 1, the type: one byte of tag, then its length.
  const type = varint(envelope, MAGIC_LENGTH + 1);
  const at = type.next + type.value;
  const raw = varint(envelope, at + 1);
  return { before: envelope.subarray(0, at), raw: envelope.subarray(raw.next, raw.next + raw.value) };
}

function varint(bytes: Uint8Array, from: number): { value: number; next: number } {
  let value = 0;
  let factor = 1;
  for (let at = from; ; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, next: at + 1 };
    factor *= 128;
  }
}

function tagged(length: number): Uint8Array {
  const bytes = [FIELD_2];
  let rest = length;
  while (rest >= 0x80) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
