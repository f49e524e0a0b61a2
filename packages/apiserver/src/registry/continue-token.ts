import { newBadRequest } from "@knots/machinery";

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

/** Throws BadRequest on anything that encodeContinue did not make. */
export function decodeContinue(text: string): ContinueToken {
  let value: { v?: unknown; rv?: unknown; start?: unknown } | null;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as typeof value;
  } catch {
    throw newBadRequest(`continue key is not valid: ${text}`);
  }
  if (
    value?.v !== VERSION ||
    !Number.isSafeInteger(value.rv) ||
    typeof value.start !== "string" ||
    value.start === ""
  ) {
    throw newBadRequest(`continue key is not valid: ${text}`);
  }
  return { revision: value.rv as number, after: value.start.replace(/\0$/, "") };
}
