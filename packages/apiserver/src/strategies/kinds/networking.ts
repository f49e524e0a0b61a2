import type { Endpoints } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import type {
  Ingress,
  IngressBackend,
  IngressClass,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from "@knots/api/networking/v1";
import { isDNS1123Label, isDNS1123Subdomain } from "@knots/machinery";
import { isIP, isIPv4, isIPv6 } from "node:net";
import { defaultEndpointSlice, defaultEndpoints, defaultIngress, defaultNetworkPolicy } from "../defaults/services.ts";
import { FieldPath, duplicate, forbidden, invalid, notSupported, required, tooMany } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { endpointSliceWarnings, endpointsWarnings, ingressWarnings, networkPolicyWarnings } from "../warnings/kinds.ts";
import { validateLabelSelector } from "../validation/label-selector.ts";
import { immutable } from "../validation/metadata.ts";
import { isValidPortNumber } from "../validation/names.ts";
import { oneOf } from "../validation/numbers.ts";
import { validatePort } from "../validation/probes.ts";

const SPEC = FieldPath.root("spec");
const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const BAD_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const MAX_ENDPOINTS = 1000;
const MAX_PORTS = 20_000;

function validateEndpoints(endpoints: Endpoints): FieldError[] {
  const errors: FieldError[] = [];
  endpoints.subsets?.forEach((subset, index) => {
    const at = FieldPath.root("subsets").index(index);
    if (!subset.addresses?.length && !subset.notReadyAddresses?.length) {
      errors.push(required(at, "must specify `addresses` or `notReadyAddresses`"));
    }
    for (const field of ["addresses", "notReadyAddresses"] as const) {
      subset[field]?.forEach((address, addressIndex) => {
        const path = at.child(field).index(addressIndex);
        if (isIP(address.ip) === 0) errors.push(invalid(path.child("ip"), address.ip, BAD_IP));
        else validateNonSpecialIP(address.ip, path.child("ip"), errors);
        if (address.hostname) {
          for (const message of isDNS1123Label(address.hostname))
            errors.push(invalid(path.child("hostname"), address.hostname, message));
        }
      });
    }
    subset.ports?.forEach((port, portIndex) => {
      const path = at.child("ports").index(portIndex);
      if (!port.name && (subset.ports?.length ?? 0) > 1) errors.push(required(path.child("name"), ""));
      for (const message of isValidPortNumber(port.port)) errors.push(invalid(path.child("port"), port.port, message));
      oneOf(port.protocol, PROTOCOLS, path.child("protocol"), errors);
    });
  });
  return errors;
}

/** Addresses that are nobody's endpoint: unspecified, loopback, link-local. */
function validateNonSpecialIP(ip: string, path: FieldPath, errors: FieldError[]): void {
  if (ip === "0.0.0.0" || ip === "::") errors.push(invalid(path, ip, `may not be unspecified (${ip})`));
  if (ip.startsWith("127.") || ip === "::1") {
    errors.push(invalid(path, ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)"));
  }
  if (ip.startsWith("169.254.") || /^fe[89ab]/i.test(ip)) {
    errors.push(invalid(path, ip, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"));
  }
  if (ip.startsWith("224.0.0.") || /^ff02:/i.test(ip)) {
    errors.push(invalid(path, ip, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"));
  }
}

export const endpointsStrategy: Strategy<Endpoints> = {
  allowCreateOnUpdate: true,
  defaults: defaultEndpoints,
  validate: validateEndpoints,
  validateUpdate: validateEndpoints,
  warnings: (endpoints) => endpointsWarnings(endpoints),
};

function validateSlice(slice: EndpointSlice): FieldError[] {
  const errors: FieldError[] = [];
  const type = slice.addressType;
  oneOf(type, ["FQDN", "IPv4", "IPv6"], FieldPath.root("addressType"), errors);
  const at = FieldPath.root("endpoints");
  const endpoints = slice.endpoints ?? [];
  if (endpoints.length > MAX_ENDPOINTS) errors.push(tooMany(at, endpoints.length, MAX_ENDPOINTS));
  endpoints.forEach((endpoint, index) => {
    const path = at.index(index).child("addresses");
    const addresses = endpoint.addresses ?? [];
    if (addresses.length === 0) errors.push(required(path, "must contain at least 1 address"));
    if (addresses.length > 100) errors.push(tooMany(path, addresses.length, 100));
    addresses.forEach((address, addressIndex) => {
      const where = path.index(addressIndex);
      if (type === "IPv4" && !isIPv4(address)) errors.push(invalid(where, address, "must be an IPv4 address"));
      if (type === "IPv6" && !isIPv6(address)) errors.push(invalid(where, address, "must be an IPv6 address"));
      if (type === "FQDN")
        for (const message of isDNS1123Subdomain(address)) errors.push(invalid(where, address, message));
      else validateNonSpecialIP(address, where, errors);
    });
    if (endpoint.hostname !== undefined) {
      for (const message of isDNS1123Label(endpoint.hostname)) {
        errors.push(invalid(at.index(index).child("hostname"), endpoint.hostname, message));
      }
    }
  });
  const names = new Set<string>();
  const ports = slice.ports ?? [];
  if (ports.length > MAX_PORTS) errors.push(tooMany(FieldPath.root("ports"), ports.length, MAX_PORTS));
  ports.forEach((port, index) => {
    const path = FieldPath.root("ports").index(index);
    const name = port.name ?? "";
    if (names.has(name)) errors.push(duplicate(path.child("name"), name));
    names.add(name);
    if (name) for (const message of isDNS1123Label(name)) errors.push(invalid(path.child("name"), name, message));
    oneOf(port.protocol, PROTOCOLS, path.child("protocol"), errors);
  });
  return errors;
}

export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  warnings: endpointSliceWarnings,
  defaults: defaultEndpointSlice,
  validate: validateSlice,
  validateUpdate(next, old) {
    const errors = validateSlice(next);
    immutable(next.addressType, old.addressType, FieldPath.root("addressType"), errors);
    return errors;
  },
};

function validateBackend(backend: IngressBackend, path: FieldPath, errors: FieldError[]): void {
  const { service, resource } = backend;
  if (service && resource) errors.push(invalid(path, "", "cannot set both resource and service backends"));
  if (!service && !resource) errors.push(invalid(path, "", "resource or service backend is required"));
  if (!service) return;
  const at = path.child("service");
  if (!service.name) errors.push(required(at.child("name"), ""));
  const { name, number } = service.port ?? {};
  if (name && number) errors.push(invalid(at, "", "cannot set both port name & port number"));
  if (!name && !number) errors.push(required(at, "port name or number is required"));
  if (number)
    for (const message of isValidPortNumber(number))
      errors.push(invalid(at.child("port").child("number"), number, message));
}

function validateIngress(ingress: Ingress): FieldError[] {
  const errors: FieldError[] = [];
  const spec = ingress.spec ?? {};
  if (!spec.rules?.length && !spec.defaultBackend) {
    errors.push(invalid(SPEC, spec.rules ?? [], "either `defaultBackend` or `rules` must be specified"));
  }
  if (spec.defaultBackend) validateBackend(spec.defaultBackend, SPEC.child("defaultBackend"), errors);
  spec.rules?.forEach((rule, index) => {
    const at = SPEC.child("rules").index(index);
    if (rule.host) {
      if (isIP(rule.host) !== 0)
        errors.push(invalid(at.child("host"), rule.host, "must be a DNS name, not an IP address"));
      const host = rule.host.replace(/^\*\./, "");
      for (const message of isDNS1123Subdomain(host)) errors.push(invalid(at.child("host"), rule.host, message));
    }
    const paths = at.child("http").child("paths");
    if (rule.http && !rule.http.paths?.length) errors.push(required(paths, ""));
    rule.http?.paths?.forEach((each, pathIndex) => {
      const where = paths.index(pathIndex);
      if (!each.pathType) errors.push(required(where.child("pathType"), "pathType must be specified"));
      else if (!["Exact", "ImplementationSpecific", "Prefix"].includes(each.pathType)) {
        errors.push(
          notSupported(where.child("pathType"), each.pathType, ["Exact", "ImplementationSpecific", "Prefix"]),
        );
      }
      if (each.pathType !== "ImplementationSpecific" || each.path) {
        if (!each.path?.startsWith("/"))
          errors.push(invalid(where.child("path"), each.path ?? "", "must be an absolute path"));
      }
      validateBackend(each.backend, where.child("backend"), errors);
    });
  });
  return errors;
}

export const ingressStrategy: Strategy<Ingress> = {
  defaults: defaultIngress,
  validate: validateIngress,
  validateUpdate: validateIngress,
  warnings: ingressWarnings,
};

export const ingressClassStrategy: Strategy<IngressClass> = {
  validate: (ingressClass) => (ingressClass.spec?.controller ? [] : [required(SPEC.child("controller"), "")]),
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    immutable(next.spec?.controller, old.spec?.controller, SPEC.child("controller"), errors);
    return errors;
  },
};

function validatePolicyPorts(
  ports: readonly NetworkPolicyPort[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  ports?.forEach((port, index) => {
    const at = path.index(index);
    oneOf(port.protocol, PROTOCOLS, at.child("protocol"), errors);
    if (port.port !== undefined) validatePort(port.port, at.child("port"), errors);
    if (port.endPort === undefined) return;
    if (typeof port.port !== "number") {
      errors.push(invalid(at.child("endPort"), port.endPort, "may not be specified when `port` is non-numeric"));
    } else if (port.endPort < port.port) {
      errors.push(invalid(at.child("endPort"), port.endPort, "must be greater than or equal to `port`"));
    }
  });
}

function validatePeers(peers: readonly NetworkPolicyPeer[] | undefined, path: FieldPath, errors: FieldError[]): void {
  peers?.forEach((peer, index) => {
    const at = path.index(index);
    validateLabelSelector(peer.podSelector, at.child("podSelector"), errors);
    validateLabelSelector(peer.namespaceSelector, at.child("namespaceSelector"), errors);
    if (!peer.podSelector && !peer.namespaceSelector && !peer.ipBlock) {
      errors.push(required(at, "must specify a peer"));
    }
    if (!peer.ipBlock) return;
    if (peer.podSelector || peer.namespaceSelector) {
      errors.push(forbidden(at, "may not specify both ipBlock and another peer"));
    }
    for (const cidr of [peer.ipBlock.cidr, ...(peer.ipBlock.except ?? [])]) {
      if (isIP(cidr.split("/")[0] ?? "") !== 0 && /\/\d{1,3}$/.test(cidr)) continue;
      const why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
      errors.push(invalid(at.child("ipBlock").child("cidr"), cidr, why));
    }
  });
}

function validatePolicy(policy: NetworkPolicy): FieldError[] {
  const errors: FieldError[] = [];
  const spec = policy.spec;
  validateLabelSelector(spec?.podSelector, SPEC.child("podSelector"), errors);
  spec?.ingress?.forEach((rule, index) => {
    const at = SPEC.child("ingress").index(index);
    validatePolicyPorts(rule.ports, at.child("ports"), errors);
    validatePeers(rule.from, at.child("from"), errors);
  });
  spec?.egress?.forEach((rule, index) => {
    const at = SPEC.child("egress").index(index);
    validatePolicyPorts(rule.ports, at.child("ports"), errors);
    validatePeers(rule.to, at.child("to"), errors);
  });
  const types = spec?.policyTypes ?? [];
  if (types.length > 2) {
    errors.push(invalid(SPEC.child("policyTypes"), types, "may not specify more than two policyTypes"));
  } else {
    types.forEach((type, index) => {
      if (type !== "Ingress" && type !== "Egress") {
        errors.push(notSupported(SPEC.child("policyTypes").index(index), type, ["Egress", "Ingress"]));
      }
    });
  }
  return errors;
}

export const networkPolicyStrategy: Strategy<NetworkPolicy> = {
  warnings: (policy) => networkPolicyWarnings(policy),
  defaults: defaultNetworkPolicy,
  validate: validatePolicy,
  validateUpdate: validatePolicy,
};
