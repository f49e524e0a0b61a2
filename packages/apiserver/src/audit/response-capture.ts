import type { OutgoingHttpHeaders } from "node:http";
import type { ApiResponse } from "../http/types.ts";

export interface Capture {
  /** Undefined: the body is not wanted. */
  readonly bytes: Uint8Array[] | undefined;
  contentType: string | undefined;
  contentEncoding: string | undefined;
}

/** Listens to what a response sends: when it begins and, if wanted, its body. */
export function captureResponse(response: ApiResponse, body: boolean, onHead: (status: number) => void): Capture {
  const capture: Capture = { bytes: body ? [] : undefined, contentType: undefined, contentEncoding: undefined };
  const writeHead = response.writeHead.bind(response);
  const write = response.write.bind(response);
  const end = response.end.bind(response);
  response.writeHead = (status: number, headers?: OutgoingHttpHeaders): unknown => {
    capture.contentType = text(headers?.["content-type"]);
    capture.contentEncoding = text(headers?.["content-encoding"]);
    const done = writeHead(status, headers);
    onHead(status);
    return done;
  };
  const { bytes } = capture;
  if (bytes !== undefined) {
    // HTTP/2's end() calls write() with what it is given.
    let ending = false;
    response.write = (chunk: Uint8Array | string): boolean => {
      if (!ending) bytes.push(Buffer.from(chunk as Uint8Array));
      return write(chunk);
    };
    response.end = (chunk?: Uint8Array | string): unknown => {
      ending = true;
      if (chunk !== undefined) bytes.push(Buffer.from(chunk as Uint8Array));
      return chunk === undefined ? end() : end(chunk);
    };
  }
  return capture;
}

function text(header: number | string | readonly string[] | undefined): string | undefined {
  return header === undefined ? undefined : String(header as string);
}
