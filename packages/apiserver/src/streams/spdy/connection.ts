// One SPDY/3.1 connection over an upgraded socket, client or server side.
import { Duplex } from "node:stream";
import { FrameDecoder, FrameEncoder, RST } from "./frames.ts";
import type { SpdyFrame } from "./frames.ts";
import type { SpdyHeaders } from "./header-block.ts";

/** Larger writes are cut, so that one stream does not hold up the others. */
const CHUNK_BYTES = 256 * 1024;

/*
 * There is no window handling: moby/spdystream, which every Kubernetes client and runtime uses, neither sends
 * WINDOW_UPDATE nor waits for it. What slows a sender down is TCP: while one stream here is not read, the socket is
 * not read either. A peer's WINDOW_UPDATEs are ignored.
 */

interface Sender {
  send(frame: SpdyFrame, done?: (error?: Error | null) => void): void;
  full(stream: SpdyStream): void;
  drained(stream: SpdyStream): void;
  gone(stream: SpdyStream): void;
}

/** One stream: `end()` closes this side (FIN), `destroy()` resets both. The readable side ends with the peer's FIN. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #sender: Sender;
  readonly #replied = Promise.withResolvers<SpdyHeaders>();
  #remoteClosed = false;
  #localClosed = false;
  #reset = false;

  constructor(id: number, headers: SpdyHeaders, sender: Sender) {
    super({ allowHalfOpen: true, highWaterMark: 64 * 1024 });
    this.id = id;
    this.headers = headers;
    this.#sender = sender;
    this.#replied.promise.catch(() => undefined);
    // A stream that nobody listens to must not end the process; the one who uses it listens itself.
    this.on("error", () => undefined);
  }

  /** Resolves when the peer has accepted the stream; rejects when it was refused. */
  get accepted(): Promise<SpdyHeaders> {
    return this.#replied.promise;
  }

  /** Server side: accepts the stream. */
  reply(headers: SpdyHeaders = {}): void {
    this.#sender.send({ type: "syn-reply", streamId: this.id, headers, fin: false });
  }

  /** Takes a frame from the connection. */
  receive(frame: SpdyFrame): void {
    switch (frame.type) {
      case "syn-reply":
        this.#replied.resolve(frame.headers);
        if (frame.fin) this.#remoteEnd();
        break;
      case "data":
        if (this.#remoteClosed || this.destroyed) break;
        if (frame.data.length > 0 && !this.push(frame.data)) this.#sender.full(this);
        if (frame.fin) this.#remoteEnd();
        break;
      case "headers":
        if (frame.fin) this.#remoteEnd();
        break;
      case "rst-stream":
        this.#reset = true;
        this.#replied.reject(new Error(`the stream was refused (status ${frame.status})`));
        // The peer's Reset after the last byte is how upstream's servers end a stream: an end, not an error.
        this.#remoteEnd();
        this.#localClosed = true;
        this.#sender.gone(this);
        break;
      default:
        break;
    }
  }

  /** Server or client side: what the SYN_STREAM said is all there will be. */
  remoteEnd(): void {
    this.#remoteEnd();
  }

  /** The connection is gone: readers see the end. */
  connectionClosed(): void {
    this.#reset = true;
    this.#localClosed = true;
    this.#replied.reject(new Error("the connection was closed"));
    this.#remoteEnd();
  }

  override _read(): void {
    this.#sender.drained(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.#localClosed) {
      callback(new Error("the stream is closed"));
      return;
    }
    let at = 0;
    for (; at + CHUNK_BYTES < chunk.length; at += CHUNK_BYTES) {
      const data = chunk.subarray(at, at + CHUNK_BYTES);
      this.#sender.send({ type: "data", streamId: this.id, data, fin: false });
    }
    this.#sender.send({ type: "data", streamId: this.id, data: chunk.subarray(at), fin: false }, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (!this.#localClosed) {
      this.#localClosed = true;
      this.#sender.send({ type: "data", streamId: this.id, data: Buffer.alloc(0), fin: true });
      if (this.#remoteClosed) this.#sender.gone(this);
    }
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#reset && !(this.#localClosed && this.#remoteClosed)) {
      this.#sender.send({ type: "rst-stream", streamId: this.id, status: RST.cancel });
    }
    this.#localClosed = true;
    this.#remoteClosed = true;
    this.#replied.reject(error ?? new Error("the stream was closed"));
    this.#sender.gone(this);
    callback(error);
  }

  #remoteEnd(): void {
    if (this.#remoteClosed) return;
    this.#remoteClosed = true;
    if (!this.destroyed) this.push(null);
    if (this.#localClosed) this.#sender.gone(this);
  }
}

export interface SpdyConnectionOptions {
  readonly side: "client" | "server";
  /** A stream that the peer opens; without it such streams are refused. */
  onStream?(stream: SpdyStream): void;
}

/** `close()` ends it with GOAWAY; `closed` resolves when the socket is gone, with the error if there was one. */
export class SpdyConnection {
  readonly closed: Promise<Error | undefined>;
  readonly #socket: Duplex;
  readonly #options: SpdyConnectionOptions;
  readonly #encoder = new FrameEncoder();
  readonly #decoder = new FrameDecoder();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #full = new Set<SpdyStream>();
  readonly #sender: Sender;
  #nextId: number;
  #lastPeerId = 0;
  #error: Error | undefined;

  constructor(socket: Duplex, head: Buffer, options: SpdyConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#nextId = options.side === "client" ? 1 : 2;
    this.#sender = {
      send: (frame, done) => this.#send(frame, done),
      full: (stream) => {
        this.#full.add(stream);
        socket.pause();
      },
      drained: (stream) => this.#release(stream),
      gone: (stream) => {
        this.#streams.delete(stream.id);
        this.#release(stream);
      },
    };
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#abandon();
        resolve(this.#error);
      });
    });
    socket.on("error", (error) => {
      this.#error ??= error;
      socket.destroy();
    });
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.once("end", () => socket.destroy());
    if (head.length > 0) this.#receive(head);
  }

  /** Opens a stream; resolves when the peer has accepted it. */
  async open(headers: SpdyHeaders): Promise<SpdyStream> {
    if (this.#socket.destroyed) throw new Error("the connection was closed");
    const stream = new SpdyStream(this.#nextId, headers, this.#sender);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    this.#send({ type: "syn-stream", streamId: stream.id, headers, fin: false, unidirectional: false });
    await stream.accepted;
    return stream;
  }

  /** GOAWAY, what is written is flushed, then the socket is closed. */
  close(): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#send({ type: "goaway", lastStreamId: this.#lastPeerId, status: 0 });
    this.#socket.end(() => this.#socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #release(stream: SpdyStream): void {
    if (this.#full.delete(stream) && this.#full.size === 0) this.#socket.resume();
  }

  #send(frame: SpdyFrame, done?: (error?: Error | null) => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) {
      done?.(new Error("the connection was closed"));
      return;
    }
    this.#socket.write(this.#encoder.encode(frame), done);
  }

  #receive(chunk: Buffer): void {
    let frames: SpdyFrame[];
    try {
      frames = this.#decoder.push(chunk);
    } catch (error) {
      this.#error = error as Error;
      this.#socket.destroy();
      return;
    }
    for (const frame of frames) this.#dispatch(frame);
  }

  #dispatch(frame: SpdyFrame): void {
    switch (frame.type) {
      case "syn-stream":
        this.#accept(frame);
        break;
      case "ping":
        // Answered when the peer asked it: odd ids are the client's.
        if ((frame.id % 2 === 1) === (this.#options.side === "server")) this.#send(frame);
        break;
      case "goaway":
      case "settings":
      case "window-update":
        break;
      default: {
        const stream = this.#streams.get(frame.streamId);
        // Frames of a stream that was reset meanwhile are on their way still.
        stream?.receive(frame);
      }
    }
  }

  #accept(frame: SpdyFrame & { type: "syn-stream" }): void {
    const { streamId } = frame;
    const mine = this.#options.side === "client" ? 1 : 0;
    if (streamId % 2 === mine || streamId <= this.#lastPeerId) {
      this.#send({ type: "rst-stream", streamId, status: RST.protocolError });
      return;
    }
    this.#lastPeerId = streamId;
    const options = this.#options;
    if (options.onStream === undefined) {
      this.#send({ type: "rst-stream", streamId, status: RST.refusedStream });
      return;
    }
    const stream = new SpdyStream(streamId, frame.headers, this.#sender);
    this.#streams.set(streamId, stream);
    if (frame.fin) stream.remoteEnd();
    options.onStream(stream);
  }

  #abandon(): void {
    for (const stream of this.#streams.values()) stream.connectionClosed();
    this.#streams.clear();
    this.#full.clear();
  }
}
