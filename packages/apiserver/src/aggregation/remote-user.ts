// Who makes a request, told to a server that trusts this one: by headers, under the front-proxy certificate.
import type { UserInfo } from "../auth/types.ts";

/** This server itself, when it asks extension servers for its own sake. */
export const AGGREGATOR: UserInfo = { name: "system:kube-aggregator", groups: ["system:masters"] };

/** One header line a value; X-Remote-Group stands there once for each group. */
export function remoteUserHeaders(user: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { "X-Remote-User": user.name };
  if (user.uid !== undefined && user.uid !== "") headers["X-Remote-Uid"] = user.uid;
  if (user.groups.length > 0) headers["X-Remote-Group"] = [...user.groups];
  for (const [key, values] of Object.entries(user.extra ?? {}))
    headers[`X-Remote-Extra-${escapeKey(key)}`] = [...values];
  return headers;
}

/** What a header name cannot hold, and the escape sign itself, are percent-encoded. */
function escapeKey(key: string): string {
  return Array.from(Buffer.from(key), (byte) => {
    const character = String.fromCharCode(byte);
    return /[!#$&'*+.^_`|~0-9A-Za-z-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}
