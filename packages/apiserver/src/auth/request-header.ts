// Users that a trusted proxy vouches for: its certificate is the front-proxy CA's, its headers say for whom it speaks.
import { ClientCertificates } from "./client-certificates.ts";
import { extrasOf, linesOf } from "./header-lines.ts";
import type { Credentials, UserInfo } from "./types.ts";

export interface RequestHeaderOptions {
  /** PEM bundle. */
  readonly clientCA: string;
  /** Common names that may vouch; empty: any of the CA's. */
  readonly allowedNames: readonly string[];
  readonly usernameHeaders: readonly string[];
  readonly uidHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  readonly extraHeaderPrefixes: readonly string[];
}

/** kubeadm's names. */
export const DEFAULT_REQUEST_HEADERS: Omit<RequestHeaderOptions, "clientCA"> = {
  allowedNames: ["front-proxy-client"],
  usernameHeaders: ["X-Remote-User"],
  uidHeaders: ["X-Remote-Uid"],
  groupHeaders: ["X-Remote-Group"],
  extraHeaderPrefixes: ["X-Remote-Extra-"],
};

export class RequestHeaderUsers {
  readonly #options: RequestHeaderOptions;
  readonly #proxies: ClientCertificates;

  constructor(options: RequestHeaderOptions) {
    this.#options = options;
    this.#proxies = new ClientCertificates(options.clientCA);
  }

  /** Undefined when nobody vouches: no such header, or no certificate that may. */
  identify({ headers, rawHeaders, socket }: Credentials, now: number): UserInfo | undefined {
    const { usernameHeaders, uidHeaders, groupHeaders, allowedNames } = this.#options;
    if (!usernameHeaders.some((name) => headers[name.toLowerCase()] !== undefined)) return undefined;
    const proxy = this.#proxies.subjectOf(socket, now);
    if (proxy === undefined || (allowedNames.length > 0 && !allowedNames.includes(proxy))) return undefined;
    const lines = linesOf(rawHeaders ?? Object.entries(headers).flatMap(([name, value]) => [name, String(value)]));
    const all = (names: readonly string[]): string[] => names.flatMap((name) => lines.get(name.toLowerCase()) ?? []);
    const name = all(usernameHeaders)[0] ?? "";
    if (name === "") return undefined;
    const uid = all(uidHeaders)[0] ?? "";
    const extra = extrasOf(lines, this.#options.extraHeaderPrefixes);
    return {
      name,
      ...(uid === "" ? {} : { uid }),
      groups: all(groupHeaders),
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    };
  }
}
