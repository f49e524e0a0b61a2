import type { RequestContext } from "../types.ts";

/** The frames of one turn, joined: `body` as they are, `chunk` as HTTP/1.1 sends them. */
interface Joined {
  readonly frames: readonly Uint8Array[];
  readonly body: Uint8Array;
  readonly chunk: Uint8Array;
}

/** By the last of the frames. Watchers of the same objects are sent the same frames, one watcher right after the other. */
const joinedByLast = new WeakMap<Uint8Array, Joined>();

const LINE_END = Buffer.from("\r\n");

function join(frames: readonly Uint8Array[], last: Uint8Array): Joined {
  const known = joinedByLast.get(last);
  if (known?.frames.length === frames.length && frames.every((frame, i) => frame === known.frames[i])) return known;
  let size = 0;
  for (const frame of frames) size += frame.length;
  const head = Buffer.from(`${size.toString(16)}\r\n`, "latin1");
  const chunk = Buffer.concat([head, ...frames, LINE_END], head.length + size + LINE_END.length);
  const joined = { frames, chunk, body: chunk.subarray(head.length, head.length + size) };
  joinedByLast.set(last, joined);
  return joined;
}

/**
 * Writes the frames of one turn to a watcher. All watchers of the same frames get the same bytes; over HTTP/1.1 they
 * are framed as a chunk once, and go straight to the connection: node:http would frame them for each watcher anew, in
 * three pieces.
 */
export function writeFrames({ request, response }: RequestContext, frames: readonly Uint8Array[]): void {
  const last = frames.at(-1);
  if (last === undefined) return;
  const { body, chunk } = join(frames, last);
  const { socket } = response;
  const direct =
    request.httpVersionMajor === 1 &&
    response.chunkedEncoding === true &&
    response.headersSent &&
    socket !== undefined &&
    socket !== null &&
    // Something that node:http has still to send comes first.
    response.writableLength === socket.writableLength;
  if (direct) socket.write(chunk);
  else response.write(body);
}
