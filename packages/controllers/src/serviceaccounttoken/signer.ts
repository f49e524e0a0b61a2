import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import type { Secret, ServiceAccount } from "@knots/api/core/v1";
import { SignJWT } from "jose";
import { metaOf } from "../framework/objects.ts";

const CLAIM = "kubernetes.io/serviceaccount";

/** Signs tokens that live in Secrets, with upstream's claims. Throws where the PEM holds no private key. */
export function tokenSigner(keyPem: string): (account: ServiceAccount, secret: Secret) => Promise<string> {
  const key = createPrivateKey(keyPem);
  const der = createPublicKey(key).export({ type: "spki", format: "der" });
  const kid = createHash("sha256").update(der).digest("base64url");
  const alg = key.asymmetricKeyType === "ec" ? "ES256" : "RS256";
  return async (account, secret) => {
    const { name, namespace, uid } = metaOf(account);
    return await new SignJWT({
      [`${CLAIM}/namespace`]: namespace,
      [`${CLAIM}/secret.name`]: metaOf(secret).name,
      [`${CLAIM}/service-account.name`]: name,
      [`${CLAIM}/service-account.uid`]: uid,
    })
      .setProtectedHeader({ alg, kid })
      .setIssuer("kubernetes/serviceaccount")
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .sign(key);
  };
}
