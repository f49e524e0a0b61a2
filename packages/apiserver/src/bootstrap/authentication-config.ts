import { X509Certificate } from "node:crypto";
import type { ConfigMap } from "@knots/api/core/v1";
import { configMaps } from "@knots/api/core/v1";
import { isAlreadyExists } from "@knots/machinery";
import { DEFAULT_REQUEST_HEADERS } from "../auth/request-header.ts";
import type { SecurityDependencies } from "../security.ts";

const NAME = "extension-apiserver-authentication";
const NAMESPACE = "kube-system";

const BUNDLES = ["client-ca-file", "requestheader-client-ca-file"];
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * kube-system/extension-apiserver-authentication: by which CAs and headers extension servers know this server, and the
 * users for whom it speaks. Lists are JSON arrays. What other servers of the cluster wrote stays.
 */
export async function publishAuthentication({
  certificates,
  options,
  registry,
  clock,
}: SecurityDependencies): Promise<void> {
  const headers = { ...DEFAULT_REQUEST_HEADERS, ...options.requestHeader };
  const own: Record<string, string> = {
    "client-ca-file": certificates.clientCA,
    "requestheader-client-ca-file": certificates.requestHeaderCA,
    "requestheader-allowed-names": JSON.stringify(headers.allowedNames),
    "requestheader-username-headers": JSON.stringify(headers.usernameHeaders),
    "requestheader-uid-headers": JSON.stringify(headers.uidHeaders),
    "requestheader-group-headers": JSON.stringify(headers.groupHeaders),
    "requestheader-extra-headers-prefix": JSON.stringify(headers.extraHeaderPrefixes),
  };
  const storage = registry.storageFor(configMaps);
  if (registry.get<ConfigMap>(configMaps, NAMESPACE, NAME) === undefined) {
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: NAME, namespace: NAMESPACE }, data: own };
    try {
      await storage.create(registry.system(), NAMESPACE, object);
      return;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
  await storage.update(registry.system(), {
    namespace: NAMESPACE,
    name: NAME,
    forceUnconditional: true,
    retryOnConflict: true,
    transform(current) {
      const next = structuredClone(current) as ConfigMap;
      next.data = combine(next.data ?? {}, own, clock.now());
      return next;
    },
  });
}

/** Upstream's combinedClusterAuthenticationInfo: no server takes away what another one needs. */
export function combine(
  present: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
  now: number,
): Record<string, string> {
  const combined: Record<string, string> = { ...present };
  for (const [key, value] of Object.entries(own)) {
    const before = present[key];
    if (before === undefined) combined[key] = value;
    else
      combined[key] = BUNDLES.includes(key)
        ? combineBundles(before, value, now)
        : combineLists(before, value, key === "requestheader-allowed-names");
  }
  return combined;
}

function combineBundles(before: string, own: string, now: number): string {
  const certificates = new Set([...(before.match(PEM) ?? []), ...(own.match(PEM) ?? [])]);
  const valid = [...certificates].filter((pem) => Date.parse(new X509Certificate(pem).validTo) > now);
  return `${valid.join("\n")}\n`;
}

/** `emptyMeansAll`: no allowed name means every name, and that wins. */
function combineLists(before: string, own: string, emptyMeansAll: boolean): string {
  let list: unknown;
  try {
    list = JSON.parse(before);
  } catch {
    // Not written by an API server: replaced.
    return own;
  }
  const mine = JSON.parse(own) as string[];
  if (!Array.isArray(list)) return own;
  if (emptyMeansAll && (list.length === 0 || mine.length === 0)) return "[]";
  return JSON.stringify([...new Set([...(list as string[]), ...mine])]);
}
