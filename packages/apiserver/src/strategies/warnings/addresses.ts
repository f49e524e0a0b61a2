// Addresses that are read, but should be written otherwise (upstream: GetWarningsForIP, GetWarningsForCIDR).
import { parseAddress, parseRange } from "../validation/addresses.ts";

export function ipWarnings(value: string, path: string): string[] {
  const address = parseAddress(value);
  if (address === undefined) return [];
  const [was, be] = [JSON.stringify(value), JSON.stringify(address.text)];
  if (address.leadingZeros || address.mapped)
    return [
      `${path}: non-standard IP address ${was} will be considered invalid in a future Kubernetes release: use ${be}`,
    ];
  if (address.family === "IPv6" && address.text !== value)
    return [`${path}: IPv6 address ${was} should be in RFC 5952 canonical format (${be})`];
  return [];
}

export function cidrWarnings(value: string, path: string): string[] {
  const range = parseRange(value);
  if (range === undefined) return [];
  const { address, text, hostBits, leadingZeros } = range;
  const [was, be] = [JSON.stringify(value), JSON.stringify(text)];
  const warnings: string[] = [];
  if (hostBits) {
    const single = JSON.stringify(`${address.text}/${address.family === "IPv4" ? 32 : 128}`);
    warnings.push(`${path}: CIDR value ${was} is ambiguous in this context (should be ${be} or ${single}?)`);
  }
  if (leadingZeros || address.mapped)
    warnings.push(
      `${path}: non-standard CIDR value ${was} will be considered invalid in a future Kubernetes release: use ${be}`,
    );
  if (warnings.length === 0 && address.family === "IPv6" && text !== value)
    warnings.push(`${path}: IPv6 CIDR value ${was} should be in RFC 5952 canonical format (${be})`);
  return warnings;
}
