// Bootstrap tokens as credentials (--enable-bootstrap-token-auth): https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
import { timingSafeEqual } from "node:crypto";
import { secrets } from "@knots/api/core/v1";
import type { Secret } from "@knots/api/core/v1";
import {
  BOOTSTRAP_TOKEN_NAMESPACE,
  bootstrapTokenEnd,
  bootstrapTokenGroups,
  bootstrapTokenSecretName,
  mayBootstrap,
  parseBootstrapToken,
  readBootstrapToken,
} from "@knots/machinery";
import type { Clock, Logger } from "@knots/machinery";
import type { ObjectSource } from "../registry/object-source.ts";
import { withAuthenticated } from "./authenticated.ts";
import type { UserInfo } from "./types.ts";

export interface BootstrapTokenDependencies {
  readonly objects: ObjectSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Finds users system:bootstrap:ID by the tokens in Secrets kube-system/bootstrap-token-ID. */
export class BootstrapTokens {
  readonly #deps: BootstrapTokenDependencies;
  /** One user is one object, so that decisions about it can be kept. */
  readonly #users = new WeakMap<Secret, UserInfo>();

  constructor(deps: BootstrapTokenDependencies) {
    this.#deps = deps;
  }

  /** Undefined: it is no bootstrap token, or one that does not authenticate; why is in the log, the token never. */
  find(token: string): UserInfo | undefined {
    const parsed = parseBootstrapToken(token);
    if (parsed === undefined) return undefined;
    const { objects, clock, logger } = this.#deps;
    const name = bootstrapTokenSecretName(parsed.id);
    const secret = objects.get(secrets, BOOTSTRAP_TOKEN_NAMESPACE, name);
    const found = secret === undefined ? "there is no such Secret" : this.#identify(secret, parsed.secret, clock.now());
    if (typeof found !== "string") return found;
    logger.debug({ secret: `${BOOTSTRAP_TOKEN_NAMESPACE}/${name}`, reason: found }, "bootstrap token refused");
    return undefined;
  }

  /** A string: why not. */
  #identify(secret: Secret, given: string, now: number): UserInfo | string {
    if (secret.metadata?.deletionTimestamp !== undefined) return "is deleted and awaiting removal";
    const read = readBootstrapToken(secret);
    if (typeof read === "string") return read;
    if (!equal(read.secret, given)) return "has invalid value for key token-secret";
    if (bootstrapTokenEnd(secret) <= now) return "has expired";
    if (!mayBootstrap(secret, "authentication")) return "not marked usage-bootstrap-authentication=true";
    const known = this.#users.get(secret);
    if (known !== undefined) return known;
    try {
      const user = withAuthenticated({ name: `system:bootstrap:${read.id}`, groups: bootstrapTokenGroups(secret) });
      this.#users.set(secret, user);
      return user;
    } catch (error) {
      return `has invalid value for key auth-extra-groups: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

/** In a time that says nothing of where they differ. */
function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
