/** Tokens of pods' service accounts, from the API server. */
import { type Pod, serviceAccounts } from "@knots/api/core/v1";
import type { Client } from "@knots/client";

/** A new token, bound to the pod: it ends with it. */
export async function requestToken(
  client: Client,
  pod: Pod,
  audience: string | undefined,
  expirationSeconds: number,
): Promise<string> {
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
  })) as { status?: { token?: string } };
  const token = answer.status?.token;
  if (token === undefined || token === "")
    throw new Error(`no token for service account ${namespace}/${account} in the API server's answer`);
  return token;
}
