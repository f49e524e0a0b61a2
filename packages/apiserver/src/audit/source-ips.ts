import { isIP } from "node:net";
import type { ApiRequest } from "../http/types.ts";

/** Who sent a request, by what proxies say of it and at last by the connection; each address once in a row. */
export function sourceIPs(
  request: Pick<ApiRequest, "headers"> & { readonly socket: { remoteAddress?: string } },
): string[] {
  const found: string[] = [];
  const add = (text: string): void => {
    const ip = text.replace(/^::ffff:(?=\d+\.)/, "");
    if (isIP(ip) !== 0 && found.at(-1) !== ip) found.push(ip);
  };
  for (const part of String(request.headers["x-forwarded-for"] ?? "").split(",")) add(part.trim());
  const real = String(request.headers["x-real-ip"] ?? "").trim();
  if (!found.includes(real)) add(real);
  add(request.socket.remoteAddress ?? "");
  return found;
}
