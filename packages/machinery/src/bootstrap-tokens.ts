// Bootstrap tokens, by which new nodes prove themselves: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
import type { KubeObject } from "./object.ts";

/** Where their Secrets are. */
export const BOOTSTRAP_TOKEN_NAMESPACE = "kube-system";
export const BOOTSTRAP_TOKEN_TYPE = "bootstrap.kubernetes.io/token";
const NAME_PREFIX = "bootstrap-token-";
const NAME = /^bootstrap-token-([a-z0-9]{6})$/;
const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const EVERYBODY = "system:bootstrappers";
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
/** RFC 3339 with an offset, as Go reads it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)$/;

interface SecretLike extends KubeObject {
  type?: string;
  /** In base64. */
  data?: Readonly<Record<string, string>>;
}

/** What tokens may be used for. */
export type BootstrapTokenUsage = "authentication" | "signing";

/** "ID.SECRET" in its parts; undefined where a text has not the form of a bootstrap token. */
export function parseBootstrapToken(token: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = TOKEN.exec(token) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export function bootstrapTokenSecretName(id: string): string {
  return `${NAME_PREFIX}${id}`;
}

/** One value of a token's Secret; "" where it is not there. */
export function bootstrapTokenValue({ data }: SecretLike, key: string): string {
  return Buffer.from(data?.[key] ?? "", "base64").toString();
}

/** The id and the secret of a token; a string is why its Secret is not of the form that it must have. Pure. */
export function readBootstrapToken(secret: SecretLike): { readonly id: string; readonly secret: string } | string {
  const [, named] = NAME.exec(secret.metadata?.name ?? "") ?? [];
  if (named === undefined) return `Invalid secret name, must be of the form ${NAME_PREFIX}<secret-id>`;
  if (secret.type !== BOOTSTRAP_TOKEN_TYPE) return `has invalid type, expected ${BOOTSTRAP_TOKEN_TYPE}`;
  const id = bootstrapTokenValue(secret, "token-id");
  if (id === "") return "No token-id key in Secret";
  if (id !== named) return "Token ID doesn't match secret name";
  const value = bootstrapTokenValue(secret, "token-secret");
  return value === "" ? "No token-secret key in Secret" : { id, secret: value };
}

/** Whether a token may be used for that. */
export function mayBootstrap(secret: SecretLike, usage: BootstrapTokenUsage): boolean {
  return bootstrapTokenValue(secret, `usage-bootstrap-${usage}`) === "true";
}

/** When a token ends, ms since the epoch: Infinity where it says nothing; a time that cannot be read is over. */
export function bootstrapTokenEnd(secret: SecretLike): number {
  const text = bootstrapTokenValue(secret, "expiration");
  if (text === "") return Infinity;
  const time = TIME.test(text) ? Date.parse(text.replace(",", ".")) : Number.NaN;
  return Number.isNaN(time) ? -Infinity : time;
}

/** The groups of whoever has a token, in order. Throws an Error for a group that tokens cannot give. */
export function bootstrapTokenGroups(secret: SecretLike): string[] {
  const extra = bootstrapTokenValue(secret, "auth-extra-groups");
  if (extra === "") return [EVERYBODY];
  const groups = extra.split(",");
  const wrong = groups.find((group) => !GROUP.test(group));
  if (wrong !== undefined)
    throw new Error(
      `bootstrap group ${JSON.stringify(wrong)} is invalid (must match \\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\\z)`,
    );
  return [...new Set([EVERYBODY, ...groups])].toSorted();
}
