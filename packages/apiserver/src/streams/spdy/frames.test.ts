import { constants, createDeflate } from "node:zlib";
import { describe, expect, it } from "vitest";
import { SPDY_DICTIONARY } from "./dictionary.ts";
import { FrameDecoder, FrameEncoder } from "./frames.ts";
import type { SpdyFrame } from "./frames.ts";
import { HeaderDecompressor } from "./header-block.ts";

/** A small generator with a seed: a failing case can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function anyFrame(next: (below: number) => number): SpdyFrame {
  const streamId = 1 + next(1000);
  const headers = Object.fromEntries(
    Array.from({ length: next(6) }, (_, i) => [
      ["streamtype", "port", "requestid", `x-${next(5)}-${i}`][next(4)] ?? "",
      next(3) === 0 ? ["a", "b".repeat(1 + next(500))] : `value ${next(100)} ä`,
    ]),
  );
  const fin = next(2) === 1;
  switch (next(7)) {
    case 0:
      return { type: "syn-stream", streamId, headers, fin, unidirectional: next(2) === 1 };
    case 1:
      return { type: "syn-reply", streamId, headers, fin };
    case 2:
      return { type: "headers", streamId, headers, fin };
    case 3:
      return { type: "rst-stream", streamId, status: 1 + next(8) };
    case 4:
      return { type: "ping", id: next(2 ** 31) };
    case 5:
      return { type: "goaway", lastStreamId: streamId, status: next(3) };
    default:
      return { type: "data", streamId, data: Buffer.alloc(next(9_000), next(256)), fin };
  }
}

describe("SPDY frames", () => {
  it("has the dictionary of the draft", () => {
    expect(SPDY_DICTIONARY.length).toBe(1423);
  });

  it.each(Array.from({ length: 20 }, (_, i) => i))(
    "come out as they went in, in pieces of any size (seed %i)",
    (seed) => {
      const next = random(seed);
      const frames = Array.from({ length: 40 }, () => anyFrame(next));
      const encoder = new FrameEncoder();
      const bytes = Buffer.concat(frames.map((frame) => encoder.encode(frame)));
      const decoder = new FrameDecoder();
      const read: SpdyFrame[] = [];
      for (let at = 0; at < bytes.length;) {
        const size = 1 + next(next(2) === 0 ? 20 : 9_000);
        read.push(...decoder.push(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(read).toEqual(frames);
    },
  );

  it("reads what a zlib stream with the dictionary writes", async () => {
    const deflate = createDeflate({ dictionary: SPDY_DICTIONARY });
    const decompressor = new HeaderDecompressor();
    for (const name of ["error", "stdin", "stdout"]) {
      const block = Buffer.concat([
        Buffer.from([0, 0, 0, 1, 0, 0, 0, 10]),
        Buffer.from("streamtype"),
        Buffer.from([0, 0, 0, name.length]),
        Buffer.from(name),
      ]);
      deflate.write(block);
      const packed = await new Promise<Buffer>((resolve) =>
        deflate.flush(constants.Z_SYNC_FLUSH, () => resolve(deflate.read() as Buffer)),
      );
      expect(decompressor.decompress(packed)).toEqual({ streamtype: name });
    }
  });

  it("refuses other versions, short frames and broken header blocks", () => {
    expect(() => new FrameDecoder().push(Buffer.from("80020001000000000000", "hex"))).toThrow(/SPDY version 2/);
    expect(() => new FrameDecoder().push(Buffer.from("8003000300000000", "hex"))).toThrow(/too short/);
    const broken = Buffer.from("80030002000000 0a00000001 78bbffffffff".replaceAll(" ", ""), "hex");
    expect(() => new FrameDecoder().push(broken)).toThrow(/header block/);
  });
});
