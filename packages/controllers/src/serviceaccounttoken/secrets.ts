import type { Secret, ServiceAccount } from "@knots/api/core/v1";

export const TOKEN_TYPE = "kubernetes.io/service-account-token";
export const ACCOUNT_NAME = "kubernetes.io/service-account.name";
export const ACCOUNT_UID = "kubernetes.io/service-account.uid";

export function isTokenSecret(secret: Secret): boolean {
  return secret.type === TOKEN_TYPE;
}

/** Whether the Secret's account is this one: by name, and by uid where the Secret says one. Pure. */
export function isTokenOf(secret: Secret, account: ServiceAccount): boolean {
  const { [ACCOUNT_NAME]: name, [ACCOUNT_UID]: uid = "" } = secret.metadata?.annotations ?? {};
  return (
    isTokenSecret(secret) &&
    secret.metadata?.namespace === account.metadata?.namespace &&
    name === account.metadata?.name &&
    (uid === "" || uid === account.metadata?.uid)
  );
}

export interface TokenContent {
  readonly rootCA: string | undefined;
  /** Signs a token for that Secret; asked only when one is missing. */
  sign(account: ServiceAccount, secret: Secret): Promise<string>;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** The Secret filled with what pods need to speak to the API server; undefined where it has all of it. */
export async function filled(
  secret: Secret,
  account: ServiceAccount,
  content: TokenContent,
): Promise<Secret | undefined> {
  const { data = {}, metadata } = secret;
  const { rootCA } = content;
  const token = data["token"] ?? "";
  const namespace = base64(metadata?.namespace ?? "");
  const ca = rootCA === undefined ? data["ca.crt"] : base64(rootCA);
  const uid = account.metadata?.uid ?? "";
  const name = account.metadata?.name ?? "";
  const annotations = metadata?.annotations ?? {};
  if (
    token !== "" &&
    data["namespace"] === namespace &&
    data["ca.crt"] === ca &&
    annotations[ACCOUNT_UID] === uid &&
    annotations[ACCOUNT_NAME] === name
  )
    return undefined;
  return {
    ...secret,
    metadata: { ...metadata, annotations: { ...annotations, [ACCOUNT_NAME]: name, [ACCOUNT_UID]: uid } },
    data: {
      ...data,
      token: token === "" ? base64(await content.sign(account, secret)) : token,
      namespace,
      ...(ca === undefined ? {} : { "ca.crt": ca }),
    },
  };
}
