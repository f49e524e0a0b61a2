/** Hostname and domain of a pod. */
import type { Pod } from "@knots/api/core/v1";

const MAX_HOSTNAME = 63;
/** Linux's limit for a host name, which a FQDN as hostname must fit as well. */
const MAX_FQDN = 64;

/** `domain` is "" without a subdomain. `kernelHostname` is what hostname(1) prints in the container. */
export function podHostname(
  pod: Pod,
  clusterDomain: string,
): { hostname: string; domain: string; kernelHostname: string } {
  const spec = pod.spec;
  if (spec?.hostnameOverride !== undefined && spec.hostnameOverride !== "") {
    return { hostname: spec.hostnameOverride, domain: "", kernelHostname: spec.hostnameOverride };
  }
  const hostname =
    spec?.hostname !== undefined && spec.hostname !== "" ? spec.hostname : truncate(pod.metadata?.name ?? "");
  const subdomain = spec?.subdomain ?? "";
  const domain = subdomain === "" ? "" : `${subdomain}.${pod.metadata?.namespace ?? ""}.svc.${clusterDomain}`;
  if (spec?.setHostnameAsFQDN !== true || domain === "") return { hostname, domain, kernelHostname: hostname };
  const fqdn = `${hostname}.${domain}`;
  if (fqdn.length > MAX_FQDN) {
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${MAX_FQDN} characters is the max, ${fqdn.length} characters requested)`,
    );
  }
  return { hostname, domain, kernelHostname: fqdn };
}

function truncate(name: string): string {
  // A name may not end in a dash or a dot after it was cut.
  return name.length <= MAX_HOSTNAME ? name : name.slice(0, MAX_HOSTNAME).replace(/[-.]+$/, "");
}
