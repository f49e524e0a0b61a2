// Tokens in Secrets of type kubernetes.io/service-account-token: without an end, good as long as their Secret holds them.
import type { JWTPayload } from "jose";
import type { Secret } from "@knots/api/core/v1";
import { secrets, serviceAccounts } from "@knots/api/core/v1";
import { newUnauthorized } from "@knots/machinery";
import type { ObjectSource } from "../registry/object-source.ts";
import type { UserInfo } from "./types.ts";

export const LEGACY_ISSUER = "kubernetes/serviceaccount";
export const LAST_USED = "kubernetes.io/legacy-token-last-used";
const INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since";

const claim = (payload: JWTPayload, name: string): string => {
  const value = payload[`kubernetes.io/serviceaccount/${name}`];
  return typeof value === "string" ? value : "";
};

/** Whom a token with a good signature stands for, and the Secret it is in. Throws 401 where the Secret or the account is not what it was. */
export function legacyUser(
  payload: JWTPayload,
  token: string,
  objects: ObjectSource,
): { user: UserInfo; secret: Secret } {
  const namespace = claim(payload, "namespace");
  const name = claim(payload, "service-account.name");
  const uid = claim(payload, "service-account.uid");
  const secret = objects.get<Secret>(secrets, namespace, claim(payload, "secret.name"));
  const held = Buffer.from(secret?.data?.["token"] ?? "", "base64").toString();
  if (secret === undefined || secret.metadata?.deletionTimestamp !== undefined || held !== token)
    throw newUnauthorized("Unauthorized");
  if (secret.metadata?.labels?.[INVALID_SINCE] !== undefined) throw newUnauthorized("Unauthorized");
  const account = objects.get(serviceAccounts, namespace, name);
  const going = account?.metadata?.deletionTimestamp !== undefined;
  if (account === undefined || going || account.metadata?.uid !== uid) throw newUnauthorized("Unauthorized");
  const user = {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
  };
  return { user, secret };
}
