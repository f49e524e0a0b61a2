// Frames of SPDY/3.1 as bytes and as objects.
import { HeaderCompressor, HeaderDecompressor, SpdyProtocolError } from "./header-block.ts";
import type { SpdyHeaders } from "./header-block.ts";

export type SpdyFrame =
  | {
      readonly type: "syn-stream";
      readonly streamId: number;
      readonly headers: SpdyHeaders;
      readonly fin: boolean;
      readonly unidirectional: boolean;
    }
  | { readonly type: "syn-reply"; readonly streamId: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: "headers"; readonly streamId: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: "data"; readonly streamId: number; readonly data: Buffer; readonly fin: boolean }
  | { readonly type: "rst-stream"; readonly streamId: number; readonly status: number }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goaway"; readonly lastStreamId: number; readonly status: number }
  | { readonly type: "settings" }
  | { readonly type: "window-update"; readonly streamId: number; readonly delta: number };

/** Status codes of RST_STREAM. */
export const RST = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5, streamInUse: 8 } as const;

const CONTROL = 0x8003;
const FIN = 1;
const UNIDIRECTIONAL = 2;
const HEAD_BYTES = 8;
/** The length field has 24 bits; upstream's framer sends at most as much. */
export const MAX_DATA_BYTES = 2 ** 24 - 1;
const TYPE = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

/** Makes the bytes of one direction; frames must be sent in the order in which they were encoded. */
export class FrameEncoder {
  readonly #headers = new HeaderCompressor();

  encode(frame: SpdyFrame): Buffer {
    switch (frame.type) {
      case "syn-stream": {
        const flags = (frame.fin ? FIN : 0) | (frame.unidirectional ? UNIDIRECTIONAL : 0);
        const head = numbers(frame.streamId, 0);
        return control(TYPE.synStream, flags, head, Buffer.alloc(2), this.#headers.compress(frame.headers));
      }
      case "syn-reply":
      case "headers": {
        const type = frame.type === "headers" ? TYPE.headers : TYPE.synReply;
        return control(type, frame.fin ? FIN : 0, numbers(frame.streamId), this.#headers.compress(frame.headers));
      }
      case "data": {
        if (frame.data.length > MAX_DATA_BYTES) throw new RangeError("a SPDY data frame is too long");
        const head = numbers(frame.streamId, frame.data.length);
        head[4] = frame.fin ? FIN : 0;
        return Buffer.concat([head, frame.data]);
      }
      case "rst-stream":
        return control(TYPE.rstStream, 0, numbers(frame.streamId, frame.status));
      case "ping":
        return control(TYPE.ping, 0, numbers(frame.id));
      case "goaway":
        return control(TYPE.goaway, 0, numbers(frame.lastStreamId, frame.status));
      case "settings":
        return control(TYPE.settings, 0, numbers(0));
      case "window-update":
        return control(TYPE.windowUpdate, 0, numbers(frame.streamId, frame.delta));
    }
  }
}

/** Reads the frames of one direction from bytes in any pieces; throws SpdyProtocolError, after which it is of no use. */
export class FrameDecoder {
  readonly #headers = new HeaderDecompressor();
  #rest: Buffer = Buffer.alloc(0);
  /** Pieces of a frame that is not whole yet, joined only when it is. */
  #pieces: Buffer[] = [];
  #have = 0;
  #need = HEAD_BYTES;

  push(chunk: Buffer): SpdyFrame[] {
    this.#pieces.push(chunk);
    this.#have += chunk.length;
    if (this.#have < this.#need) return [];
    this.#rest = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces);
    const frames: SpdyFrame[] = [];
    for (;;) {
      const rest = this.#rest;
      if (rest.length < HEAD_BYTES) {
        this.#need = HEAD_BYTES;
        break;
      }
      const length = rest.readUIntBE(5, 3);
      if (rest.length < HEAD_BYTES + length) {
        this.#need = HEAD_BYTES + length;
        break;
      }
      this.#rest = rest.subarray(HEAD_BYTES + length);
      const frame = this.#decode(rest.subarray(0, HEAD_BYTES), rest.subarray(HEAD_BYTES, HEAD_BYTES + length));
      if (frame !== undefined) frames.push(frame);
    }
    this.#pieces = this.#rest.length === 0 ? [] : [this.#rest];
    this.#have = this.#rest.length;
    return frames;
  }

  #decode(head: Buffer, body: Buffer): SpdyFrame | undefined {
    const fin = ((head[4] ?? 0) & FIN) !== 0;
    if (((head[0] ?? 0) & 0x80) === 0) {
      return { type: "data", streamId: head.readUInt32BE(0), data: body, fin };
    }
    if (head.readUInt16BE(0) !== CONTROL)
      throw new SpdyProtocolError(`SPDY version ${head.readUInt16BE(0) & 0x7fff} is not spoken here`);
    const type = head.readUInt16BE(2);
    const field = (index: number): number => {
      if (body.length < 4 * index + 4) throw new SpdyProtocolError(`a SPDY control frame of type ${type} is too short`);
      return body.readUInt32BE(4 * index) & 0x7fffffff;
    };
    switch (type) {
      case TYPE.synStream: {
        const streamId = field(0);
        field(1);
        const unidirectional = ((head[4] ?? 0) & UNIDIRECTIONAL) !== 0;
        const headers = this.#headers.decompress(body.subarray(10));
        return { type: "syn-stream", streamId, headers, fin, unidirectional };
      }
      case TYPE.synReply:
        return { type: "syn-reply", streamId: field(0), headers: this.#headers.decompress(body.subarray(4)), fin };
      case TYPE.headers:
        return { type: "headers", streamId: field(0), headers: this.#headers.decompress(body.subarray(4)), fin };
      case TYPE.rstStream:
        return { type: "rst-stream", streamId: field(0), status: field(1) };
      case TYPE.ping:
        field(0);
        return { type: "ping", id: body.readUInt32BE(0) };
      case TYPE.goaway:
        return { type: "goaway", lastStreamId: field(0), status: body.length >= 8 ? field(1) : 0 };
      case TYPE.settings:
        return { type: "settings" };
      case TYPE.windowUpdate:
        return { type: "window-update", streamId: field(0), delta: field(1) };
      default:
        // Unknown control frames are to be skipped (section 2.2.1).
        return undefined;
    }
  }
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, 4 * index));
  return bytes;
}

function control(type: number, flags: number, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt16BE(CONTROL, 0);
  head.writeUInt16BE(type, 2);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  head[4] = flags;
  head.writeUIntBE(length, 5, 3);
  return Buffer.concat([head, ...parts]);
}
