// Rules of Services (upstream: ValidateService and what it calls), in upstream's order and words.
import type { Service, ServicePort } from "@knots/api/core/v1";
import { isDNS1123Label, isDNS1123Subdomain, isQualifiedName } from "@knots/machinery";
import type { FieldError } from "../field.ts";
import { FieldPath, duplicate, forbidden, invalid, notSupported, required } from "../field.ts";
import { parseAddress, validateEndpointIp, validateLegacyCidr, validateLegacyIp } from "./addresses.ts";
import { validateLabels } from "./metadata.ts";
import { isValidPortNumber } from "./names.ts";
import { oneOf } from "./numbers.ts";
import { validatePort } from "./probes.ts";

export type ServiceSpec = NonNullable<Service["spec"]>;

const SPEC = FieldPath.root("spec");
const ANNOTATIONS = FieldPath.root("metadata").child("annotations");
const TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints";
const TOPOLOGY_MODE = "service.kubernetes.io/topology-mode";
const SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges";
const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const POLICIES = ["Cluster", "Local"];
const DISTRIBUTIONS = ["PreferClose", "PreferSameZone", "PreferSameNode"];
const ONLY_BALANCED = "may only be used when `type` is 'LoadBalancer'";
const DAY_SECONDS = 86_400;
const KUBELET_PORT = 10_250;

export const isHeadless = (spec: ServiceSpec | undefined): boolean =>
  spec?.clusterIPs?.length === 1 && spec.clusterIPs[0] === "None";

/** Reached from outside, so that it matters where its traffic may go. */
export const isExternallyAccessible = (spec: ServiceSpec): boolean =>
  spec.type === "LoadBalancer" ||
  spec.type === "NodePort" ||
  (spec.type === "ClusterIP" && (spec.externalIPs?.length ?? 0) > 0);

/** Its balancer asks each node whether it has endpoints. */
export const needsHealthCheck = (spec: ServiceSpec): boolean =>
  spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";

/** @param old whose addresses and ranges may stay, however they are spelled */
export function validateService(service: Service, old?: Service): FieldError[] {
  const errors: FieldError[] = [];
  const spec = service.spec ?? {};
  const ports = spec.ports ?? [];
  validateTopology(service.metadata?.annotations ?? {}, errors);
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== "ExternalName")
    errors.push(required(SPEC.child("ports"), ""));
  validateByType(spec, errors);
  const names = new Set<string>();
  ports.forEach((port, index) => validateServicePort(port, ports.length > 1, names, atPort(index), errors));
  validateLabels(spec.selector, SPEC.child("selector"), errors);
  validateAffinity(spec, errors);
  validateClusterIPs(spec, old?.spec, errors);
  const knownIPs = new Set(old?.spec?.externalIPs);
  spec.externalIPs?.forEach((ip, index) => {
    const at = SPEC.child("externalIPs").index(index);
    const before = errors.length;
    validateLegacyIp(ip, at, errors, knownIPs);
    if (errors.length === before) validateEndpointIp(ip, at, errors);
  });
  oneOf(spec.type, TYPES, SPEC.child("type"), errors);
  validateNodePorts(spec, errors);
  const seen = new Set<string>();
  ports.forEach(({ protocol = "", port }, index) => {
    const key = `${protocol}/${port}`;
    if (seen.has(key)) errors.push(duplicate(atPort(index), { protocol, port }));
    seen.add(key);
  });
  validateSourceRanges(service, old, errors);
  const allocates = SPEC.child("allocateLoadBalancerNodePorts");
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== "LoadBalancer")
    errors.push(forbidden(allocates, ONLY_BALANCED));
  validateBalancerClass(spec, errors);
  validateTraffic(spec, errors);
  return errors;
}

const atPort = (index: number): FieldPath => SPEC.child("ports").index(index);

/** The older name of the same thing. */
function validateTopology(annotations: Readonly<Record<string, string>>, errors: FieldError[]): void {
  const [mode, hints] = [annotations[TOPOLOGY_MODE], annotations[TOPOLOGY_HINTS]];
  if (mode === undefined || hints === undefined || mode === hints) return;
  const why = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`;
  errors.push(invalid(ANNOTATIONS.key(TOPOLOGY_MODE), mode, why));
}

function validateByType(spec: ServiceSpec, errors: FieldError[]): void {
  if (spec.type === "LoadBalancer") {
    spec.ports?.forEach(({ port }, index) => {
      if (port !== KUBELET_PORT) return;
      const why = `may not expose port ${KUBELET_PORT} externally since it is used by kubelet`;
      errors.push(invalid(atPort(index), port, why));
    });
  }
  if (isHeadless(spec) && (spec.type === "LoadBalancer" || spec.type === "NodePort")) {
    const why = `may not be set to 'None' for ${spec.type} services`;
    errors.push(invalid(SPEC.child("clusterIPs").index(0), "None", why));
  }
  if (spec.type !== "ExternalName") return;
  for (const field of ["clusterIPs", "ipFamilies"] as const) {
    if (spec[field]?.length) errors.push(forbidden(SPEC.child(field), "may not be set for ExternalName services"));
  }
  if (spec.ipFamilyPolicy !== undefined) {
    errors.push(forbidden(SPEC.child("ipFamilyPolicy"), "may not be set for ExternalName services"));
  }
  const name = (spec.externalName ?? "").replace(/\.$/, "");
  if (!name) errors.push(required(SPEC.child("externalName"), ""));
  else for (const message of isDNS1123Subdomain(name)) errors.push(invalid(SPEC.child("externalName"), name, message));
}

function validateServicePort(
  port: ServicePort,
  needsName: boolean,
  names: Set<string>,
  at: FieldPath,
  errors: FieldError[],
): void {
  if (!port.name) {
    if (needsName) errors.push(required(at.child("name"), ""));
  } else {
    for (const message of isDNS1123Label(port.name)) errors.push(invalid(at.child("name"), port.name, message));
    if (names.has(port.name)) errors.push(duplicate(at.child("name"), port.name));
    names.add(port.name);
  }
  for (const message of isValidPortNumber(port.port)) errors.push(invalid(at.child("port"), port.port, message));
  oneOf(port.protocol, PROTOCOLS, at.child("protocol"), errors);
  validatePort(port.targetPort, at.child("targetPort"), errors);
  if (port.appProtocol === undefined) return;
  for (const message of isQualifiedName(port.appProtocol))
    errors.push(invalid(at.child("appProtocol"), port.appProtocol, message));
}

function validateAffinity(spec: ServiceSpec, errors: FieldError[]): void {
  oneOf(spec.sessionAffinity, ["ClientIP", "None"], SPEC.child("sessionAffinity"), errors);
  const config = spec.sessionAffinityConfig;
  const at = SPEC.child("sessionAffinityConfig");
  if (spec.sessionAffinity === "None") {
    if (config) errors.push(forbidden(at, "must not be set when session affinity is None"));
    return;
  }
  if (spec.sessionAffinity !== "ClientIP") return;
  const seconds = config?.clientIP?.timeoutSeconds;
  if (seconds === undefined) errors.push(required(at, "when session affinity type is ClientIP"));
  else if (seconds <= 0 || seconds > DAY_SECONDS) {
    const why = `must be greater than 0 and less than ${DAY_SECONDS}`;
    errors.push(invalid(at.child("clientIP").child("timeoutSeconds"), seconds, why));
  }
}

function validateClusterIPs(spec: ServiceSpec, old: ServiceSpec | undefined, errors: FieldError[]): void {
  if (spec.type === "ExternalName") return;
  const at = SPEC.child("clusterIPs");
  const ips = spec.clusterIPs ?? [];
  if (spec.clusterIP) {
    if (ips.length === 0) errors.push(required(at, ""));
    else if (ips[0] !== spec.clusterIP) errors.push(invalid(at, ips, "first value must match `clusterIP`"));
  } else if (ips.length > 0) errors.push(invalid(at, ips, "must be empty when `clusterIP` is not specified"));
  const families = new Set<string>();
  spec.ipFamilies?.forEach((family, index) => {
    const path = SPEC.child("ipFamilies").index(index);
    if (family !== "IPv4" && family !== "IPv6") errors.push(notSupported(path, family, ["IPv4", "IPv6"]));
    if (families.has(family)) errors.push(duplicate(path, family));
    families.add(family);
  });
  if (spec.ipFamilyPolicy !== undefined) {
    const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    if (!policies.includes(spec.ipFamilyPolicy))
      errors.push(notSupported(SPEC.child("ipFamilyPolicy"), spec.ipFamilyPolicy, policies));
  }
  const before = errors.length;
  const known = new Set(old?.clusterIPs);
  ips.forEach((ip, index) => {
    if (index > 0 || ip !== "None") validateLegacyIp(ip, at.index(index), errors, known);
    else if (ips.length > 1) errors.push(invalid(at, ips, "'None' must be the first and only value"));
  });
  const bad = errors.length > before;
  if (ips.length > 2) errors.push(invalid(at, ips, "may only hold up to 2 values"));
  // What is no address is of no family.
  if (bad) return;
  const familyOf = (ip: string | undefined): string | undefined => parseAddress(ip ?? "")?.family;
  if (ips.length > 1 && new Set(ips.map(familyOf)).size < 2)
    errors.push(invalid(at, ips, "may specify no more than one IP for each IP family"));
  if (isHeadless(spec)) return;
  ips.forEach((ip, index) => {
    const family = spec.ipFamilies?.[index];
    if (family === undefined || (family === "IPv6") === (familyOf(ip) === "IPv6")) return;
    errors.push(invalid(at.index(index), ip, `expected an ${family} value as indicated by \`ipFamilies[${index}]\``));
  });
}

function validateNodePorts(spec: ServiceSpec, errors: FieldError[]): void {
  const used = (spec.ports ?? []).map((port, index) => ({ ...port, at: atPort(index).child("nodePort") }));
  if (spec.type === "ClusterIP") {
    for (const { nodePort, at } of used)
      if (nodePort) errors.push(forbidden(at, "may not be used when `type` is 'ClusterIP'"));
  }
  const seen = new Set<string>();
  for (const { nodePort, protocol, at } of used) {
    if (!nodePort) continue;
    const key = `${protocol}/${nodePort}`;
    if (seen.has(key)) errors.push(duplicate(at, nodePort));
    seen.add(key);
  }
}

/** The field, or where it is not there the annotation that came before it. */
function validateSourceRanges({ spec, metadata }: Service, old: Service | undefined, errors: FieldError[]): void {
  const { type, loadBalancerSourceRanges: ranges = [] } = spec ?? {};
  const balanced = type === "LoadBalancer";
  if (ranges.length > 0) {
    const at = SPEC.child("LoadBalancerSourceRanges");
    if (!balanced) errors.push(forbidden(at, ONLY_BALANCED));
    const known = new Set((old?.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim()));
    ranges.forEach((range, index) => validateLegacyCidr(range.trim(), at.index(index), errors, known));
    return;
  }
  const text = metadata?.annotations?.[SOURCE_RANGES];
  if (text === undefined) return;
  const at = ANNOTATIONS.key(SOURCE_RANGES);
  if (!balanced) errors.push(forbidden(at, ONLY_BALANCED));
  const split = (list = ""): string[] => (list.trim() === "" ? [] : list.split(",").map((range) => range.trim()));
  const known = new Set(split(old?.metadata?.annotations?.[SOURCE_RANGES]));
  for (const range of split(text)) validateLegacyCidr(range, at, errors, known);
}

function validateBalancerClass({ type, loadBalancerClass: name }: ServiceSpec, errors: FieldError[]): void {
  if (name === undefined) return;
  const at = SPEC.child("loadBalancerClass");
  if (type !== "LoadBalancer") errors.push(forbidden(at, ONLY_BALANCED));
  else for (const message of isQualifiedName(name)) errors.push(invalid(at, name, message));
}

function validateTraffic(spec: ServiceSpec, errors: FieldError[]): void {
  const external = spec.externalTrafficPolicy ?? "";
  const at = SPEC.child("externalTrafficPolicy");
  if (isExternallyAccessible(spec)) oneOf(external, POLICIES, at, errors);
  else if (external) errors.push(invalid(at, external, "may only be set for externally-accessible services"));
  const health = spec.healthCheckNodePort ?? 0;
  const atHealth = SPEC.child("healthCheckNodePort");
  if (!needsHealthCheck(spec)) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    if (health !== 0) errors.push(invalid(atHealth, health, why));
  } else if (health !== 0)
    for (const message of isValidPortNumber(health)) errors.push(invalid(atHealth, health, message));
  const internal = spec.internalTrafficPolicy;
  if (internal !== undefined && !POLICIES.includes(internal))
    errors.push(notSupported(SPEC.child("internalTrafficPolicy"), internal, POLICIES));
  const distribution = spec.trafficDistribution;
  if (distribution !== undefined && !DISTRIBUTIONS.includes(distribution))
    errors.push(notSupported(SPEC.child("trafficDistribution"), distribution, DISTRIBUTIONS));
}
