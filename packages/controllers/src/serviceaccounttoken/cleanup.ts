import type { Pod, Secret, ServiceAccount } from "@knots/api/core/v1";
import { creationTime } from "../framework/objects.ts";
import { isTokenOf } from "./secrets.ts";

export const LAST_USED = "kubernetes.io/legacy-token-last-used";
export const INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since";

const DATE = /^\d{4}-\d\d-\d\d$/;

export function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The names of all Secrets that a pod uses in any way. */
export function secretNames(pod: Pod): Set<string> {
  const names = new Set<string>();
  // Fields that name a Secret are called so throughout the pod: secretName, secretRef, secretKeyRef, imagePullSecrets, secret.
  const visit = (value: unknown, key: string): void => {
    if (Array.isArray(value)) {
      for (const each of value) visit(each, key);
    } else if (typeof value === "object" && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        if (name === "secretName" && typeof inner === "string") names.add(inner);
        else if (name === "name" && typeof inner === "string" && /secret/i.test(key)) names.add(inner);
        else visit(inner, name);
      }
    }
  };
  visit(pod.spec, "");
  return names;
}

export type CleanUp = "keep" | "invalidate" | "delete";

/**
 * What becomes of a token that was made for its account automatically (the account lists it): unused for the whole period it
 * is marked invalid, and still unused for another period it is deleted. `used`: some pod mounts it. Pure.
 */
export function cleanUp(
  secret: Secret,
  account: ServiceAccount | undefined,
  { used, now, period }: { used: boolean; now: number; period: number },
): CleanUp {
  const { metadata } = secret;
  const since = now - period;
  if (metadata?.deletionTimestamp !== undefined || creationTime(secret) >= since || used) return "keep";
  if (account === undefined || !isTokenOf(secret, account)) return "keep";
  if (!(account.secrets ?? []).some(({ name }) => name === metadata?.name)) return "keep";
  const lastUsed = metadata?.labels?.[LAST_USED];
  if (lastUsed !== undefined && (!DATE.test(lastUsed) || lastUsed >= dateOf(since))) return "keep";
  const invalidSince = metadata?.labels?.[INVALID_SINCE] ?? "";
  if (!DATE.test(invalidSince)) return "invalidate";
  return invalidSince >= dateOf(since) ? "keep" : "delete";
}
