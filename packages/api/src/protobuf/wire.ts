/** Wire types of protobuf that the API uses. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

const text = new TextEncoder();
const utf8 = new TextDecoder();
const TWO_32 = 4_294_967_296;

/** A growing buffer with protobuf's primitives. */
export class WireWriter {
  #buffer: Uint8Array;
  #at = 0;

  constructor(size = 1024) {
    this.#buffer = new Uint8Array(size);
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#at);
  }

  tag(field: number, type: number): void {
    this.varint(field * 8 + type);
  }

  /** A whole number; negative ones take ten bytes, as int32 and int64 do. */
  varint(value: number): void {
    this.#reserve(10);
    if (value < 0 || value > Number.MAX_SAFE_INTEGER) return this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
    let rest = value;
    while (rest > 127) {
      this.#buffer[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#at++] = rest;
  }

  #bigVarint(value: bigint): void {
    let rest = value;
    while (rest > 127n) {
      this.#buffer[this.#at++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#buffer[this.#at++] = Number(rest);
  }

  double(value: number): void {
    this.#reserve(8);
    new DataView(this.#buffer.buffer).setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  string(value: string): void {
    this.#reserve(value.length * 3 + 5);
    this.message(() => {
      this.#at += text.encodeInto(value, this.#buffer.subarray(this.#at)).written;
    });
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** What `write` writes, preceded by its length. */
  message(write: () => void): void {
    this.#reserve(5);
    const start = this.#at++;
    write();
    const length = this.#at - start - 1;
    if (length < 128) {
      this.#buffer[start] = length;
      return;
    }
    // One byte was kept for the length; make room for the others.
    const extra = length < 16_384 ? 1 : length < 2_097_152 ? 2 : length < 268_435_456 ? 3 : 4;
    this.#reserve(extra);
    this.#buffer.copyWithin(start + 1 + extra, start + 1, this.#at);
    const end = this.#at + extra;
    this.#at = start;
    this.varint(length);
    this.#at = end;
  }

  #reserve(size: number): void {
    const needed = this.#at + size;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
  }
}

/** Reads protobuf's primitives; throws on a truncated or malformed buffer. */
export class WireReader {
  readonly #buffer: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(buffer: Uint8Array, start = 0, end: number = buffer.length) {
    this.#buffer = buffer;
    this.#at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** A whole number as int64 has it. Throws on one that a number cannot hold exactly. */
  varint(): number {
    let low = 0;
    let scale = 1;
    for (let index = 0; index < 10; index++) {
      const byte = this.#byte();
      if (index === 4 && byte > 127) return this.#longVarint(low + (byte & 127) * scale, index + 1);
      low += (byte & 127) * scale;
      if (byte < 128) return low;
      scale *= 128;
    }
    throw new Error("proto: integer overflow");
  }

  #longVarint(start: number, from: number): number {
    let value = BigInt(start);
    for (let index = from; index < 10; index++) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << BigInt(7 * index);
      if (byte < 128) return exactly(BigInt.asIntN(64, value));
    }
    throw new Error("proto: integer overflow");
  }

  double(): number {
    const at = this.#skip(8);
    return new DataView(this.#buffer.buffer, this.#buffer.byteOffset).getFloat64(at, true);
  }

  string(): string {
    return utf8.decode(this.bytes());
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    const length = this.varint();
    const at = this.#skip(length);
    return this.#buffer.subarray(at, at + length);
  }

  message(): WireReader {
    const length = this.varint();
    const at = this.#skip(length);
    return new WireReader(this.#buffer, at, at + length);
  }

  /** Passes over a field that the type does not know. */
  skipField(type: number): void {
    if (type === VARINT) this.#skipVarint();
    else if (type === FIXED64) this.#skip(8);
    else if (type === BYTES) this.#skip(this.varint());
    else if (type === FIXED32) this.#skip(4);
    else throw new Error(`proto: illegal wireType ${type}`);
  }

  #skipVarint(): void {
    for (let index = 0; index < 10; index++) if (this.#byte() < 128) return;
    throw new Error("proto: integer overflow");
  }

  #byte(): number {
    const byte = this.#buffer[this.#at++];
    if (byte === undefined || this.#at > this.#end) throw new Error("unexpected EOF");
    return byte;
  }

  #skip(length: number): number {
    const at = this.#at;
    if (length < 0 || length > TWO_32 || at + length > this.#end) throw new Error("unexpected EOF");
    this.#at = at + length;
    return at;
  }
}

function exactly(value: bigint): number {
  const number = Number(value);
  if (BigInt(number) !== value) throw new Error(`the integer ${value} is beyond those that are kept exactly`);
  return number;
}
