// Header blocks of SPDY/3: name/value pairs, compressed in one zlib stream for all frames of a direction.
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { SPDY_DICTIONARY } from "./dictionary.ts";

/** Names are lower case; a name may have several values. */
export type SpdyHeaders = Readonly<Record<string, string | readonly string[]>>;

/** How far back deflate may point. */
const WINDOW_BYTES = 32 * 1024;
/** A block may not grow beyond this when it is inflated. */
const MAX_BLOCK_BYTES = 1024 * 1024;

/** CMF and FLG of a zlib stream with a preset dictionary; the dictionary's Adler-32 follows. */
const ZLIB_HEAD = Buffer.from([0x78, 0xbb]);
const ZLIB_HEAD_BYTES = 6;

export class SpdyProtocolError extends Error {
  override name = "SpdyProtocolError";
}

/*
 * Each block ends with a sync flush, that is at a byte and block boundary of the deflate stream. So every block can be
 * treated by itself, synchronously, with the last 32 KiB of what went before as its dictionary.
 */
class Window {
  #bytes: Buffer<ArrayBufferLike> = SPDY_DICTIONARY;

  get bytes(): Buffer {
    return this.#bytes;
  }

  push(block: Buffer): void {
    const all: Buffer = Buffer.concat([this.#bytes, block]);
    this.#bytes = all.length > WINDOW_BYTES ? Buffer.from(all.subarray(all.length - WINDOW_BYTES)) : all;
  }
}

/** Compresses the header blocks of one direction, in the order in which they are sent. */
export class HeaderCompressor {
  readonly #window = new Window();
  #started = false;

  compress(headers: SpdyHeaders): Buffer {
    const plain = encodePairs(headers);
    const packed = deflateRawSync(plain, {
      dictionary: this.#window.bytes,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    this.#window.push(plain);
    if (this.#started) return packed;
    this.#started = true;
    const check = Buffer.alloc(4);
    check.writeUInt32BE(adler32(SPDY_DICTIONARY));
    return Buffer.concat([ZLIB_HEAD, check, packed]);
  }
}

/** Reads the header blocks of one direction, in the order in which they came; throws SpdyProtocolError. */
export class HeaderDecompressor {
  readonly #window = new Window();
  #started = false;

  decompress(block: Buffer): SpdyHeaders {
    let packed = block;
    if (!this.#started) {
      if (block.length < ZLIB_HEAD_BYTES || ((block[1] ?? 0) & 0x20) === 0)
        throw new SpdyProtocolError("the first header block has no zlib dictionary");
      packed = block.subarray(ZLIB_HEAD_BYTES);
      this.#started = true;
    }
    let plain: Buffer;
    try {
      plain = inflateRawSync(packed, {
        dictionary: this.#window.bytes,
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MAX_BLOCK_BYTES,
      });
    } catch (error) {
      throw new SpdyProtocolError(`a header block cannot be inflated: ${(error as Error).message}`);
    }
    this.#window.push(plain);
    return decodePairs(plain);
  }
}

function encodePairs(headers: SpdyHeaders): Buffer {
  const pairs = Object.entries(headers);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(pairs.length);
  const parts: Buffer[] = [count];
  for (const [name, value] of pairs) {
    parts.push(text(name.toLowerCase()), text(typeof value === "string" ? value : value.join("\0")));
  }
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function decodePairs(block: Buffer): SpdyHeaders {
  const headers: Record<string, string | string[]> = {};
  let at = 0;
  const number = (): number => {
    if (at + 4 > block.length) throw new SpdyProtocolError("a header block is cut short");
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const word = (): string => {
    const length = number();
    if (at + length > block.length) throw new SpdyProtocolError("a header block is cut short");
    at += length;
    return block.toString("utf8", at - length, at);
  };
  const count = number();
  for (let i = 0; i < count; i++) {
    const name = word();
    const values = word().split("\0");
    headers[name] = values.length === 1 ? (values[0] ?? "") : values;
  }
  return headers;
}

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}
