import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Readable } from "node:stream";
import type { AuditAnnotator } from "../audit/types.ts";
import type { UserInfo } from "../auth/types.ts";
import type { RequestInfo } from "./request-info.ts";

/** What HTTP/1.1 and HTTP/2 requests have in common. */
export type ApiRequest = Readable & {
  readonly method?: string;
  readonly url?: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, a pair for each line. */
  readonly rawHeaders: readonly string[];
  readonly httpVersionMajor: number;
  readonly socket: TLSSocket;
  /** HTTP/2's alone. Closed before it was answered: given up by the client. */
  readonly stream?: { readonly closed: boolean; readonly session?: { close(): void } | undefined };
};

/** What HTTP/1.1 and HTTP/2 responses have in common. */
export interface ApiResponse {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly writableLength: number;
  readonly destroyed: boolean;
  /** node:http's own: the connection, once this answer is the one that is written to it, and whether its body goes in chunks. */
  readonly socket?: TLSSocket | null;
  readonly chunkedEncoding?: boolean;
  statusCode: number;
  setHeader(name: string, value: string | number | readonly string[]): unknown;
  getHeader(name: string): string | number | string[] | undefined;
  writeHead(status: number, headers?: OutgoingHttpHeaders): unknown;
  flushHeaders(): void;
  write(chunk: Uint8Array | string, written?: (error?: Error | null) => void): boolean;
  end(chunk?: Uint8Array | string): unknown;
  destroy(error?: Error): unknown;
  on(event: "close" | "drain" | "finish", listener: () => void): unknown;
  once(event: "close" | "drain" | "finish", listener: () => void): unknown;
  removeListener(event: "close" | "drain" | "finish", listener: () => void): unknown;
}

/** One request on its way through the handler chain. */
export interface RequestContext {
  readonly info: RequestInfo;
  readonly request: ApiRequest;
  readonly response: ApiResponse;
  readonly user: UserInfo;
  readonly auditId: string;
  readonly userAgent: string;
  /** Aborted when the client goes away, the deadline passes or the server stops. */
  readonly signal: AbortSignal;
  /** Milliseconds on the monotonic clock when the request arrived. */
  readonly startedAt: number;
  /** Present when this request is recorded: for what admission and others want to be kept of it. */
  readonly audit: AuditAnnotator | undefined;
  warn(text: string): void;
  /** Called by a watch whose initial events are out: from now on it costs little, and others may take its place. */
  initialized(): void;
}
