import type { Service, ServicePort } from "@knots/api/core/v1";
import { isDNS1123Label, isDNS1123Subdomain, isQualifiedName } from "@knots/machinery";
import { isIP, isIPv6 } from "node:net";
import { defaultService } from "../defaults/services.ts";
import { semanticEqual } from "../equality.ts";
import { serviceWarnings } from "../warnings/kinds.ts";
import { FieldPath, duplicate, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { validateLabels } from "../validation/metadata.ts";
import { isValidPortNumber, rangeMessage } from "../validation/names.ts";
import { oneOf } from "../validation/numbers.ts";
import { validatePort } from "../validation/probes.ts";

const SPEC = FieldPath.root("spec");
const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const BAD_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const DAY_SECONDS = 86_400;
const KUBELET_PORT = 10_250;

type Spec = NonNullable<Service["spec"]>;

const isHeadless = (spec: Spec): boolean => spec.clusterIP === "None" || spec.clusterIPs?.[0] === "None";

function validateService(service: Service): FieldError[] {
  const errors: FieldError[] = [];
  const spec = service.spec ?? {};
  const headless = isHeadless(spec);
  if (!spec.ports?.length && !headless && spec.type !== "ExternalName") errors.push(required(SPEC.child("ports"), ""));
  validateByType(spec, headless, errors);
  validatePorts(spec, errors);
  validateLabels(spec.selector, SPEC.child("selector"), errors);
  validateAffinity(spec, errors);
  if (spec.type !== "ExternalName") validateClusterIPs(spec, errors);
  spec.externalIPs?.forEach((ip, index) => {
    const at = SPEC.child("externalIPs").index(index);
    if (isIP(ip) === 0) errors.push(invalid(at, ip, BAD_IP));
    else if (ip.startsWith("127.") || ip === "::1") {
      errors.push(invalid(at, ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)"));
    }
  });
  oneOf(spec.type, TYPES, SPEC.child("type"), errors);
  if (spec.loadBalancerSourceRanges?.length) {
    const at = SPEC.child("LoadBalancerSourceRanges");
    if (spec.type !== "LoadBalancer") errors.push(forbidden(at, "may only be used when `type` is 'LoadBalancer'"));
    const cidr = (range: string): boolean =>
      /^[\da-fA-F.:]+\/\d{1,3}$/.test(range.trim()) && isIP(range.trim().split("/")[0] ?? "") !== 0;
    if (!spec.loadBalancerSourceRanges.every(cidr)) {
      const shown = `[${spec.loadBalancerSourceRanges.join(" ")}]`;
      errors.push(invalid(at, shown, "must be a list of IP ranges. For example, 10.240.0.0/24,10.250.0.0/24 "));
    }
  }
  for (const field of ["allocateLoadBalancerNodePorts", "loadBalancerClass"] as const) {
    if (spec[field] === undefined || spec.type === "LoadBalancer") continue;
    errors.push(forbidden(SPEC.child(field), "may only be used when `type` is 'LoadBalancer'"));
  }
  validateTraffic(spec, errors);
  return errors;
}

function validateByType(spec: Spec, headless: boolean, errors: FieldError[]): void {
  if (headless && (spec.type === "LoadBalancer" || spec.type === "NodePort")) {
    const why = `may not be set to 'None' for ${spec.type} services`;
    errors.push(invalid(SPEC.child("clusterIPs").index(0), "None", why));
  }
  if (spec.type === "LoadBalancer") {
    spec.ports?.forEach((port, index) => {
      if (port.port !== KUBELET_PORT) return;
      const why = `may not expose port ${KUBELET_PORT} externally since it is used by kubelet`;
      errors.push(invalid(SPEC.child("ports").index(index), port, why));
    });
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

function validatePorts(spec: Spec, errors: FieldError[]): void {
  const names = new Set<string>();
  const ports = new Set<string>();
  const nodePorts = new Set<string>();
  spec.ports?.forEach((port: ServicePort, index) => {
    const at = SPEC.child("ports").index(index);
    if (!port.name) {
      if ((spec.ports?.length ?? 0) > 1) errors.push(required(at.child("name"), ""));
    } else {
      for (const message of isDNS1123Label(port.name)) errors.push(invalid(at.child("name"), port.name, message));
      if (names.has(port.name)) errors.push(duplicate(at.child("name"), port.name));
      names.add(port.name);
    }
    for (const message of isValidPortNumber(port.port)) errors.push(invalid(at.child("port"), port.port, message));
    oneOf(port.protocol, PROTOCOLS, at.child("protocol"), errors);
    validatePort(port.targetPort, at.child("targetPort"), errors);
    if (port.appProtocol !== undefined) {
      for (const message of isQualifiedName(port.appProtocol)) {
        errors.push(invalid(at.child("appProtocol"), port.appProtocol, message));
      }
    }
    if (port.nodePort) {
      if (spec.type === "ClusterIP") {
        errors.push(forbidden(at.child("nodePort"), "may not be used when `type` is 'ClusterIP'"));
      }
      const key = `${port.protocol}/${port.nodePort}`;
      if (nodePorts.has(key)) errors.push(duplicate(at.child("nodePort"), port.nodePort));
      nodePorts.add(key);
    }
    const key = `${port.protocol}/${port.port}`;
    if (ports.has(key)) errors.push(duplicate(at, { protocol: port.protocol, port: port.port }));
    ports.add(key);
  });
}

function validateAffinity(spec: Spec, errors: FieldError[]): void {
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
    errors.push(invalid(at.child("clientIP").child("timeoutSeconds"), seconds, rangeMessage(0, DAY_SECONDS)));
  }
}

function validateClusterIPs(spec: Spec, errors: FieldError[]): void {
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
    oneOf(spec.ipFamilyPolicy, policies, SPEC.child("ipFamilyPolicy"), errors);
  }
  let bad = false;
  ips.forEach((ip, index) => {
    if (index === 0 && ip === "None") {
      if (ips.length > 1) {
        bad = true;
        errors.push(invalid(at, ips, "'None' must be the first and only value"));
      }
    } else if (isIP(ip) === 0) {
      bad = true;
      errors.push(invalid(at.index(index), ip, BAD_IP));
    }
  });
  if (ips.length > 2) errors.push(invalid(at, ips, "may only hold up to 2 values"));
  if (bad) return;
  if (ips.length > 1 && ips.every((ip) => isIPv6(ip) === isIPv6(ips[0] ?? ""))) {
    errors.push(invalid(at, ips, "may specify no more than one IP for each IP family"));
  }
  if (isHeadless(spec)) return;
  ips.forEach((ip, index) => {
    const family = spec.ipFamilies?.[index];
    if (family === undefined || (family === "IPv6") === isIPv6(ip)) return;
    errors.push(invalid(at.index(index), ip, `expected an ${family} value as indicated by \`ipFamilies[${index}]\``));
  });
}

function validateTraffic(spec: Spec, errors: FieldError[]): void {
  const policies = ["Cluster", "Local"];
  const external = spec.externalTrafficPolicy;
  const at = SPEC.child("externalTrafficPolicy");
  const facesOutward = spec.type === "LoadBalancer" || spec.type === "NodePort" || (spec.externalIPs?.length ?? 0) > 0;
  if (external) {
    if (!facesOutward) errors.push(invalid(at, external, "may only be set for externally-accessible services"));
    else if (!policies.includes(external)) errors.push(notSupported(at, external, policies));
  }
  if (spec.healthCheckNodePort) {
    if (spec.type !== "LoadBalancer" || external !== "Local") {
      const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
      errors.push(invalid(SPEC.child("healthCheckNodePort"), spec.healthCheckNodePort, why));
    }
  }
  const internal = spec.internalTrafficPolicy;
  if (spec.type !== "ExternalName" && internal !== undefined && !policies.includes(internal)) {
    errors.push(notSupported(SPEC.child("internalTrafficPolicy"), internal, policies));
  }
}

/** clusterIP and clusterIPs are two views of one thing; a client may write either. */
function mirrorClusterIPs(service: Service, old?: Service): void {
  const spec = service.spec;
  if (!spec) return;
  const before = old?.spec;
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  if (!before) return;
  const singleChanged = (spec.clusterIP ?? "") !== (before.clusterIP ?? "");
  const listChanged = !semanticEqual(spec.clusterIPs, before.clusterIPs);
  if (!singleChanged || listChanged) return;
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP, ...(spec.clusterIPs ?? []).slice(1)];
  else delete spec.clusterIPs;
}

/** What the old type had allocated and the new one does not need goes, unless the client set it anew. */
function dropTypeDependentFields(next: Service, old: Service): void {
  const spec = next.spec;
  const before = old.spec;
  if (!spec || !before) return;
  const needsIP = (each: Spec): boolean => each.type !== "ExternalName";
  const needsNodePorts = (each: Spec): boolean => each.type === "NodePort" || each.type === "LoadBalancer";
  if (needsIP(before) && !needsIP(spec)) {
    if (semanticEqual(spec.clusterIPs, before.clusterIPs)) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (semanticEqual(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
    if (spec.internalTrafficPolicy === before.internalTrafficPolicy) delete spec.internalTrafficPolicy;
  }
  if (needsNodePorts(before) && !needsNodePorts(spec)) {
    const used = new Set(before.ports?.map((port) => port.nodePort));
    for (const port of spec.ports ?? []) if (port.nodePort && used.has(port.nodePort)) delete port.nodePort;
    if (!spec.externalIPs?.length) delete spec.externalTrafficPolicy;
  }
  if (before.type === "LoadBalancer" && spec.type !== "LoadBalancer") {
    delete spec.allocateLoadBalancerNodePorts;
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass;
    if (semanticEqual(spec.loadBalancerSourceRanges, before.loadBalancerSourceRanges))
      delete spec.loadBalancerSourceRanges;
  }
  const needsHealthPort = spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
  if (!needsHealthPort && spec.healthCheckNodePort === before.healthCheckNodePort) delete spec.healthCheckNodePort;
}

export const serviceStrategy: Strategy<Service> = {
  allowUnconditionalUpdate: true,
  defaults: defaultService,
  prepareForCreate: (service) => mirrorClusterIPs(service),
  prepareForUpdate(next, old) {
    mirrorClusterIPs(next, old);
    dropTypeDependentFields(next, old);
  },
  validate: validateService,
  validateUpdate(next, old) {
    const errors = validateService(next);
    const wasExternal = old.spec?.type === "ExternalName";
    const isExternal = next.spec?.type === "ExternalName";
    const before = old.spec?.clusterIP ?? "";
    if (!wasExternal && !isExternal && before && before !== (next.spec?.clusterIP ?? "")) {
      errors.push(invalid(SPEC.child("clusterIPs").index(0), next.spec?.clusterIPs ?? [], "may not change once set"));
    }
    if (old.spec?.type === "LoadBalancer" && next.spec?.type === "LoadBalancer") {
      if (old.spec.loadBalancerClass !== undefined && next.spec.loadBalancerClass !== old.spec.loadBalancerClass) {
        const value = next.spec.loadBalancerClass ?? null;
        errors.push(invalid(SPEC.child("loadBalancerClass"), value, "may not change once set"));
      }
    }
    return errors;
  },
  warnings: (service) => serviceWarnings(service),
  fieldLabels: (service) => ({
    "spec.clusterIP": service.spec?.clusterIP ?? "",
    "spec.type": service.spec?.type ?? "",
  }),
};
