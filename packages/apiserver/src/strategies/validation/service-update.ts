// What may change of a Service, and what its status may say (upstream: ValidateServiceUpdate, ValidateServiceStatusUpdate).
import type { LoadBalancerStatus, Service } from "@knots/api/core/v1";
import { isDNS1123Subdomain } from "@knots/machinery";
import type { FieldError } from "../field.ts";
import { FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import { parseAddress, validateLegacyIp } from "./addresses.ts";
import { isHeadless, needsHealthCheck, validateService } from "./service.ts";
import type { ServiceSpec } from "./service.ts";

const SPEC = FieldPath.root("spec");
const FIXED = "may not change once set";

/** Addresses and families may grow by a second one and lose it; the first stays, except to and from ExternalName. */
export function validateServiceUpdate(next: Service, old: Service): FieldError[] {
  const errors: FieldError[] = [];
  const [after, before] = [next.spec ?? {}, old.spec ?? {}];
  if (after.type !== "ExternalName" && before.type !== "ExternalName") {
    const headless = [isHeadless(before), isHeadless(after)];
    if (!headless.every(Boolean)) validateAddresses(after, before, errors);
    if (!headless.some(Boolean)) validateFamilies(after, before, errors);
  }
  if (after.type === "LoadBalancer" && before.type === "LoadBalancer") {
    const { loadBalancerClass: name } = after;
    if (name !== before.loadBalancerClass) errors.push(invalid(SPEC.child("loadBalancerClass"), name ?? null, FIXED));
  }
  if (needsHealthCheck(after) && needsHealthCheck(before) && after.healthCheckNodePort !== before.healthCheckNodePort)
    errors.push(forbidden(SPEC.child("healthCheckNodePort"), "field is immutable"));
  return [...errors, ...validateService(next, old)];
}

function validateAddresses(after: ServiceSpec, before: ServiceSpec, errors: FieldError[]): void {
  const at = SPEC.child("clusterIPs");
  const [ips, had] = [after.clusterIPs ?? [], before.clusterIPs ?? []];
  if (ips.length === had.length) {
    had.forEach((ip, index) => {
      if (ips[index] !== ip) errors.push(invalid(at.index(index), ips, FIXED));
    });
    return;
  }
  if (had.length > 0 && ips.length === 0) errors.push(invalid(at.index(0), ips, "primary clusterIP can not be unset"));
  if (had.length > 0 && ips.length > 0 && ips[0] !== had[0]) errors.push(invalid(at.index(0), ips, FIXED));
  if (ips.length < had.length && ips.length === 1) mustBeSingle(after, "clusterIP", errors);
}

function validateFamilies(after: ServiceSpec, before: ServiceSpec, errors: FieldError[]): void {
  const at = SPEC.child("ipFamilies").index(0);
  const [families, had] = [after.ipFamilies ?? [], before.ipFamilies ?? []];
  if (families.length === had.length) {
    had.forEach((family, index) => {
      if (families[index] !== family) errors.push(invalid(at, families, FIXED));
    });
    return;
  }
  const shrinks = families.length < had.length;
  if (shrinks && (after.clusterIPs ?? []).length === 0)
    errors.push(invalid(at, families, "primary ipFamily can not be unset"));
  if (had.length > 0 && families.length > 0 && families[0] !== had[0])
    // Upstream shows the addresses.
    errors.push(invalid(at, after.clusterIPs ?? [], FIXED));
  if (shrinks && families.length === 1) mustBeSingle(after, "ipFamily", errors);
}

function mustBeSingle({ ipFamilyPolicy: policy }: ServiceSpec, what: string, errors: FieldError[]): void {
  if (policy === "SingleStack") return;
  const why = `must be set to 'SingleStack' when releasing the secondary ${what}`;
  errors.push(invalid(SPEC.child("ipFamilyPolicy"), policy ?? null, why));
}

const MODES = ["Proxy", "VIP"];

/** Where a balancer can be reached; addresses that were there stay, however they are spelled. */
export function validateBalancerStatus(
  status: LoadBalancerStatus | undefined,
  old: LoadBalancerStatus | undefined,
  spec: ServiceSpec | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  const path = FieldPath.root("status").child("loadBalancer").child("ingress");
  const { ingress = [] } = status ?? {};
  if (spec?.type !== "LoadBalancer" && ingress.length > 0)
    return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  const known = new Set((old?.ingress ?? []).flatMap(({ ip }) => ip ?? []));
  ingress.forEach(({ ip, ipMode, hostname }, index) => {
    const at = path.index(index);
    if (ip) validateLegacyIp(ip, at.child("ip"), errors, known);
    if (ipMode === undefined) {
      if (ip) errors.push(required(at.child("ipMode"), "must be specified when `ip` is set"));
    } else if (!ip) errors.push(forbidden(at.child("ipMode"), "may not be specified when `ip` is not set"));
    else if (!MODES.includes(ipMode)) errors.push(notSupported(at.child("ipMode"), ipMode, MODES));
    if (!hostname) return;
    const atName = at.child("hostname");
    for (const message of isDNS1123Subdomain(hostname)) errors.push(invalid(atName, hostname, message));
    if (parseAddress(hostname) !== undefined)
      errors.push(invalid(atName, hostname, "must be a DNS name, not an IP address"));
  });
  return errors;
}
