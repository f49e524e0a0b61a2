import { describe, expect, it } from "vitest";
import type { RequestContext } from "../types.ts";
import { writeFrames } from "./shared-frames.ts";

const frame = (text: string): Uint8Array => Buffer.from(text);

/** A response as node:http has it, and what was written to it and past it. */
function context(major: number, state: { queued?: number; socket?: boolean } = {}) {
  const toSocket: Uint8Array[] = [];
  const toResponse: Uint8Array[] = [];
  const socket = { writableLength: 0, write: (chunk: Uint8Array) => toSocket.push(chunk) };
  const response = {
    headersSent: true,
    chunkedEncoding: major === 1,
    writableLength: state.queued ?? 0,
    socket: state.socket === false ? null : socket,
    write: (chunk: Uint8Array) => toResponse.push(chunk),
  };
  return { ctx: { request: { httpVersionMajor: major }, response } as unknown as RequestContext, toSocket, toResponse };
}

describe("writeFrames", () => {
  it("sends HTTP/1.1 watchers the very same chunk", () => {
    const frames = [frame("first\n"), frame("second\n")];
    const [a, b] = [context(1), context(1)];
    writeFrames(a.ctx, [...frames]);
    writeFrames(b.ctx, [...frames]);
    expect(Buffer.from(a.toSocket[0] ?? []).toString()).toBe("d\r\nfirst\nsecond\n\r\n");
    expect(b.toSocket[0]).toBe(a.toSocket[0]);
    expect(a.toResponse).toEqual([]);
  });

  it("does not take other frames for them that end alike", () => {
    const last = frame("last\n");
    const [a, b] = [context(1), context(1)];
    writeFrames(a.ctx, [frame("one\n"), last]);
    writeFrames(b.ctx, [frame("two\n"), last]);
    expect(Buffer.from(b.toSocket[0] ?? []).toString()).toBe("9\r\ntwo\nlast\n\r\n");
  });

  it.each([
    ["over HTTP/2", context(2)],
    ["while something waits to be sent", context(1, { queued: 10 })],
    ["before the answer has the connection", context(1, { socket: false })],
  ])("leaves the framing to Node %s", (_when, { ctx, toSocket, toResponse }) => {
    writeFrames(ctx, [frame("one\n"), frame("two\n")]);
    expect(toSocket).toEqual([]);
    expect(Buffer.from(toResponse[0] ?? []).toString()).toBe("one\ntwo\n");
  });
});
