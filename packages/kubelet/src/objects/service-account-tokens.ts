/** Tokens of pods' service accounts, from the API server, kept while they are young. */
import { type Pod, serviceAccounts } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import { type Clock, parseTime } from "@knots/machinery";

/** A token whose life is used up so far is replaced (KEP-1205). */
const REFRESH_AFTER = 0.8;
/** And one as old as this, however long it lives: milliseconds. */
const MAX_AGE_MS = 24 * 3600 * 1000;

interface Token {
  readonly text: string;
  readonly askedAt: number;
  readonly expiresAt: number;
}

export interface ServiceAccountTokensOptions {
  readonly clock: Clock;
  /** Asks the API server for a new token of the pod's service account. */
  readonly request: (pod: Pod, audience: string | undefined, expirationSeconds: number) => Promise<TokenAnswer>;
}

export interface TokenAnswer {
  readonly token: string;
  /** RFC 3339. */
  readonly expirationTimestamp: string;
}

export class ServiceAccountTokens {
  readonly #options: ServiceAccountTokensOptions;
  readonly #tokens = new Map<string, Token>();

  constructor(options: ServiceAccountTokensOptions) {
    this.#options = options;
  }

  /** A token that still has a good part of its life before it. While no new one can be had, the last one serves as long as it is valid. */
  async get(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> {
    const { clock, request } = this.#options;
    const account = pod.spec?.serviceAccountName;
    const key = JSON.stringify([pod.metadata?.uid, account, audience, expirationSeconds]);
    const known = this.#tokens.get(key);
    if (known !== undefined && isYoung(known, clock.now())) return known.text;
    const askedAt = clock.now();
    try {
      const answer = await request(pod, audience, expirationSeconds);
      const expiresAt = parseTime(answer.expirationTimestamp).getTime();
      this.#tokens.set(key, { text: answer.token, askedAt, expiresAt });
      this.#dropExpired();
      return answer.token;
    } catch (error) {
      if (known !== undefined && known.expiresAt > clock.now()) return known.text;
      throw error;
    }
  }

  /** The tokens of pods that are gone go when they expire. */
  #dropExpired(): void {
    const now = this.#options.clock.now();
    for (const [key, { expiresAt }] of this.#tokens) if (expiresAt <= now) this.#tokens.delete(key);
  }
}

function isYoung({ askedAt, expiresAt }: Token, now: number): boolean {
  return now < askedAt + Math.min((expiresAt - askedAt) * REFRESH_AFTER, MAX_AGE_MS);
}

/** A new token, bound to the pod: it ends with it. */
export async function requestToken(
  client: Client,
  pod: Pod,
  audience: string | undefined,
  expirationSeconds: number,
): Promise<TokenAnswer> {
  const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
  const account = pod.spec?.serviceAccountName ?? "default";
  const answer = (await client.resource(serviceAccounts, namespace).createSubresource(account, "token", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    metadata: { name: account, namespace },
    spec: {
      audiences: audience === undefined || audience === "" ? [] : [audience],
      expirationSeconds,
      boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
    },
  })) as { status?: Partial<TokenAnswer> };
  const { token = "", expirationTimestamp = "" } = answer.status ?? {};
  if (token === "") throw new Error(`no token for service account ${namespace}/${account} in the API server's answer`);
  return { token, expirationTimestamp };
}
