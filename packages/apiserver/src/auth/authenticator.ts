// Authenticators in order: front proxy, client certificate, bearer token (static file, bootstrap token, service account). Nobody is anonymous here; the chain adds that.
import { readFileSync } from "node:fs";
import { newUnauthorized } from "@knots/machinery";
import type { SecurityDependencies } from "../security.ts";
import { withAuthenticated } from "./authenticated.ts";
import { BootstrapTokens } from "./bootstrap-tokens.ts";
import { ClientCertificates } from "./client-certificates.ts";
import { DEFAULT_REQUEST_HEADERS, RequestHeaderUsers } from "./request-header.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";
import { TokenFile } from "./token-file.ts";
import type { Authenticator, Credentials, UserInfo } from "./types.ts";

function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const match = /^Bearer +(\S+)$/i.exec(authorization);
  return match?.[1];
}

export class RequestAuthenticator implements Authenticator {
  readonly #certificates: ClientCertificates;
  readonly #requestHeader: RequestHeaderUsers;
  readonly #tokenFile: TokenFile | undefined;
  /** Undefined: they are no credentials here. */
  readonly #bootstrapTokens: BootstrapTokens | undefined;
  readonly #tokens: ServiceAccountTokens;
  readonly #now: () => number;

  constructor(deps: SecurityDependencies, tokens: ServiceAccountTokens) {
    this.#certificates = new ClientCertificates(deps.certificates.clientCA);
    this.#requestHeader = new RequestHeaderUsers({
      ...DEFAULT_REQUEST_HEADERS,
      ...deps.options.requestHeader,
      clientCA: deps.certificates.requestHeaderCA,
    });
    const file = deps.options.tokenAuthFile;
    this.#tokenFile = file === undefined ? undefined : new TokenFile(readFileSync(file, "utf8"));
    this.#bootstrapTokens =
      deps.options.bootstrapTokenAuth === true ? new BootstrapTokens({ ...deps, objects: deps.registry }) : undefined;
    this.#tokens = tokens;
    this.#now = () => deps.clock.now();
  }

  authenticate(credentials: Credentials): UserInfo | undefined | Promise<UserInfo | undefined> {
    const { headers, socket } = credentials;
    const vouched = this.#requestHeader.identify(credentials, this.#now());
    if (vouched !== undefined) return withAuthenticated(vouched);
    const byCertificate = this.#certificates.identify(socket, this.#now());
    if (byCertificate !== undefined) return byCertificate;
    const token = bearerToken(headers.authorization);
    if (token === undefined) {
      if (headers.authorization !== undefined) throw newUnauthorized("Unauthorized");
      return undefined;
    }
    return this.#byOpaqueToken(token) ?? this.#byServiceAccount(token);
  }

  /** By a token that says nothing itself. */
  #byOpaqueToken(token: string): UserInfo | undefined {
    return this.#tokenFile?.find(token) ?? this.#bootstrapTokens?.find(token);
  }

  async #byServiceAccount(token: string): Promise<UserInfo> {
    const found = await this.#tokens.verify(token);
    if (found === undefined) throw newUnauthorized("Unauthorized");
    return found.user;
  }

  /** Who a bearer token stands for, and for which of the wanted audiences; undefined when nobody knows it. */
  async verifyToken(
    token: string,
    audiences: readonly string[],
  ): Promise<{ user: UserInfo; audiences: readonly string[] } | undefined> {
    if (token === "") return undefined;
    const user = this.#byOpaqueToken(token);
    if (user === undefined) return await this.#tokens.verify(token, audiences);
    // Such a token names no audience: it is good for this server's own.
    const granted = audiences.filter((audience) => this.#tokens.audiences.includes(audience));
    return granted.length === 0 ? undefined : { user, audiences: granted };
  }
}
