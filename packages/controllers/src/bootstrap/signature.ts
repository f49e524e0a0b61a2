import { createHmac } from "node:crypto";

/**
 * A detached JWS (RFC 7515, appendix F) of `content`: HS256 with the token's secret as key and its id as `kid`. Who has the
 * token can make sure of the content; the exact bytes matter, since kubeadm computes it anew and compares. Pure.
 */
export function detachedSignature(content: string, tokenId: string, tokenSecret: string): string {
  const header = Buffer.from(JSON.stringify({ alg: "HS256", kid: tokenId })).toString("base64url");
  const payload = Buffer.from(content).toString("base64url");
  const signature = createHmac("sha256", tokenSecret).update(`${header}.${payload}`).digest("base64url");
  return `${header}..${signature}`;
}

/** Keys of cluster-info under which signatures are: this and the token's id. */
const SIGNATURE = "jws-kubeconfig-";

/**
 * The data of cluster-info with a signature for each of the tokens (secrets by id) and no other; undefined where it has them,
 * or nothing that could be signed. Pure.
 */
export function signedData(
  data: Readonly<Record<string, string>> | undefined,
  tokens: ReadonlyMap<string, string>,
): Record<string, string> | undefined {
  const content = data?.["kubeconfig"];
  if (data === undefined || content === undefined) return undefined;
  const signatures = [...tokens].map(([id, secret]) => [`${SIGNATURE}${id}`, detachedSignature(content, id, secret)]);
  const others = Object.entries(data).filter(([key]) => !key.startsWith(SIGNATURE));
  const wanted = Object.fromEntries([...others, ...signatures]) as Record<string, string>;
  const same =
    Object.keys(data).length === Object.keys(wanted).length &&
    Object.entries(wanted).every(([key, value]) => data[key] === value);
  return same ? undefined : wanted;
}
