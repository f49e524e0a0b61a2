import type { IncomingHttpHeaders } from "node:http";
import type { TLSSocket } from "node:tls";
import type { SelectorAttributes } from "./selectors.ts";

/** Who makes a request. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface Credentials {
  readonly headers: IncomingHttpHeaders;
  readonly socket: TLSSocket;
  /** Header lines as they came: name, value, name, value. */
  readonly rawHeaders?: readonly string[];
}

export interface Authenticator {
  /** Undefined without credentials; throws StatusError 401 for wrong ones. */
  authenticate(request: Credentials): UserInfo | undefined | Promise<UserInfo | undefined>;
}

/** What somebody wants to do. */
export interface Attributes extends SelectorAttributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly namespace: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  readonly resourceRequest: boolean;
  readonly path: string;
}

export interface Decision {
  readonly allowed: "allow" | "deny" | "no-opinion";
  readonly reason: string;
}

export interface Authorizer {
  authorize(attributes: Attributes): Decision | Promise<Decision>;
}
