import { parseJson } from "@knots/api";
import { newBadRequest } from "@knots/machinery";
import type { StatusError } from "@knots/machinery";

/** Where a list goes on: the revision of its first page (-1: whatever is current) and the last key it gave, relative to the resource's prefix. */
export interface ContinueToken {
  readonly revision: number;
  readonly after: string;
}

const VERSION = "meta.k8s.io/v1";

export function encodeContinue(token: ContinueToken): string {
  // Upstream's token carries the first key to come: the last one and a zero byte.
  const json = JSON.stringify({ v: VERSION, rv: token.revision, start: `${token.after}\0` });
  return Buffer.from(json).toString("base64url");
}

/** Throws BadRequest on anything that encodeContinue did not make, in upstream's words. */
export function decodeContinue(text: string): ContinueToken {
  const value = fieldsOf(text);
  if (value.v !== VERSION)
    throw notValid(`: server does not recognize this encoded version ${typeof value.v === "string" ? value.v : ""}`);
  if (!Number.isSafeInteger(value.rv) || value.rv === 0)
    throw notValid(`: incorrect encoded start resourceVersion (version ${VERSION})`);
  if (typeof value.start !== "string" || value.start === "")
    throw notValid(`: encoded start key empty (version ${VERSION})`);
  return { revision: value.rv as number, after: value.start.replace(/\0$/, "") };
}

function fieldsOf(text: string): { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown } {
  const bad = text.search(/[^A-Za-z0-9_-]/);
  if (bad >= 0 || text.length % 4 === 1)
    throw notValid(`: illegal base64 data at input byte ${bad >= 0 ? bad : text.length - 1}`);
  try {
    return (parseJson(Buffer.from(text, "base64url")) ?? {}) as object;
  } catch (error) {
    throw notValid(`: ${(error as Error).message}`);
  }
}

function notValid(why: string): StatusError {
  return newBadRequest(`invalid continue token: continue key is not valid${why}`);
}
