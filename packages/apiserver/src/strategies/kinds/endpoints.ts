import type { EndpointAddress, Endpoints, EndpointSubset } from "@knots/api/core/v1";
import type { Endpoint, EndpointSlice } from "@knots/api/discovery/v1";
import { isDNS1123Label, isDNS1123Subdomain, isQualifiedName, isValidLabelValue } from "@knots/machinery";
import { defaultEndpoints, defaultEndpointSlice } from "../defaults/services.ts";
import { semanticEqual } from "../equality.ts";
import { duplicate, FieldPath, invalid, required, tooMany } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { validateEndpointIp, validateLegacyIp } from "../validation/addresses.ts";
import { immutable, validateLabels } from "../validation/metadata.ts";
import { invalidFor, isValidPortNumber } from "../validation/names.ts";
import { oneOf } from "../validation/numbers.ts";
import { endpointSliceWarnings, endpointsWarnings } from "../warnings/kinds.ts";

export const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;
const MAX_HINTS = 8;
const MAX_TOPOLOGY = 16;
const SUBSETS = FieldPath.root("subsets");
const ENDPOINTS = FieldPath.root("endpoints");

interface Port {
  readonly name?: string;
  readonly protocol?: string;
  readonly appProtocol?: string;
}

/** A message of upstream's for a protocol and what runs on it. */
function validateProtocols({ protocol, appProtocol }: Port, path: FieldPath, errors: FieldError[]): void {
  oneOf(protocol, PROTOCOLS, path.child("protocol"), errors);
  if (appProtocol !== undefined)
    invalidFor(isQualifiedName(appProtocol), appProtocol, path.child("appProtocol"), errors);
}

function validateSubset(subset: EndpointSubset, path: FieldPath, errors: FieldError[]): void {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  if (addresses.length === 0 && notReadyAddresses.length === 0)
    errors.push(required(path, "must specify `addresses` or `notReadyAddresses`"));
  for (const [field, list] of Object.entries({ addresses, notReadyAddresses }))
    for (const [index, address] of list.entries()) validateAddress(address, path.child(field).index(index), errors);
  for (const [index, port] of ports.entries()) {
    const at = path.child("ports").index(index);
    const { name = "" } = port;
    if (name !== "") invalidFor(isDNS1123Label(name), name, at.child("name"), errors);
    else if (ports.length > 1) errors.push(required(at.child("name"), ""));
    for (const why of isValidPortNumber(port.port)) errors.push(invalid(at.child("port"), port.port, why));
    validateProtocols(port, at, errors);
  }
}

function validateAddress({ ip, hostname, nodeName }: EndpointAddress, path: FieldPath, errors: FieldError[]): void {
  validateLegacyIp(ip, path.child("ip"), errors);
  if (hostname) invalidFor(isDNS1123Label(hostname), hostname, path.child("hostname"), errors);
  if (nodeName !== undefined) invalidFor(isDNS1123Subdomain(nodeName), nodeName, path.child("nodeName"), errors);
  validateEndpointIp(ip, path.child("ip"), errors);
}

function validateEndpoints({ subsets = [] }: Endpoints): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, subset] of subsets.entries()) validateSubset(subset, SUBSETS.index(index), errors);
  return errors;
}

export const endpointsStrategy: Strategy<Endpoints> = {
  allowCreateOnUpdate: true,
  defaults: defaultEndpoints,
  validate: validateEndpoints,
  // What was let in by older rules stays as long as nobody touches it.
  validateUpdate: (next, old) => (semanticEqual(next.subsets, old.subsets) ? [] : validateEndpoints(next)),
  warnings: (endpoints) => endpointsWarnings(endpoints),
};

function validateSlice({ addressType, endpoints = [], ports = [] }: EndpointSlice, old?: EndpointSlice): FieldError[] {
  const errors: FieldError[] = [];
  oneOf(addressType, ["FQDN", "IPv4", "IPv6"], FieldPath.root("addressType"), errors);
  const known = new Set((old?.endpoints ?? []).flatMap(({ addresses }) => addresses ?? []));
  if (endpoints.length > MAX_ENDPOINTS) errors.push(tooMany(ENDPOINTS, endpoints.length, MAX_ENDPOINTS));
  else
    for (const [index, endpoint] of endpoints.entries())
      validateEndpoint(endpoint, addressType, known, ENDPOINTS.index(index), errors);
  validateSlicePorts(ports, FieldPath.root("ports"), errors);
  return errors;
}

function validateEndpoint(
  endpoint: Endpoint,
  addressType: string,
  known: ReadonlySet<string>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const at = path.child("addresses");
  const { nodeName, deprecatedTopology = {}, hostname } = endpoint;
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) errors.push(required(at, "must contain at least 1 address"));
  else if (addresses.length > MAX_ADDRESSES) errors.push(tooMany(at, addresses.length, MAX_ADDRESSES));
  for (const [index, address] of addresses.entries()) {
    const where = at.index(index);
    if (addressType === "FQDN") validateDomain(address, where, errors);
    else if (addressType === "IPv4" || addressType === "IPv6") {
      const found = validateLegacyIp(address, where, errors, known);
      if (found !== undefined && found.family !== addressType)
        errors.push(invalid(where, address, `must be an ${addressType} address`));
      validateEndpointIp(address, where, errors);
    }
  }
  if (nodeName !== undefined) invalidFor(isDNS1123Subdomain(nodeName), nodeName, path.child("nodeName"), errors);
  const topology = path.child("deprecatedTopology");
  const labels = Object.keys(deprecatedTopology).length;
  if (labels > MAX_TOPOLOGY) errors.push(tooMany(topology, labels, MAX_TOPOLOGY));
  validateLabels(deprecatedTopology, topology, errors);
  if (hostname !== undefined) invalidFor(isDNS1123Label(hostname), hostname, path.child("hostname"), errors);
  validateHints(endpoint.hints?.forZones, path.child("hints").child("forZones"), isValidLabelValue, errors);
  validateHints(endpoint.hints?.forNodes, path.child("hints").child("forNodes"), isDNS1123Subdomain, errors);
}

function validateHints(
  hints: readonly { readonly name: string }[] | undefined,
  path: FieldPath,
  check: (name: string) => string[],
  errors: FieldError[],
): void {
  if (hints === undefined) return;
  if (hints.length > MAX_HINTS) return void errors.push(tooMany(path, hints.length, MAX_HINTS));
  const names = new Set<string>();
  for (const [index, { name }] of hints.entries()) {
    const at = path.index(index).child("name");
    if (names.has(name)) errors.push(duplicate(at, name));
    names.add(name);
    invalidFor(check(name), name, at, errors);
  }
}

function validateDomain(address: string, path: FieldPath, errors: FieldError[]): void {
  if (address === "") return void errors.push(required(path, ""));
  const name = address.replace(/\.$/, "");
  const problems = isDNS1123Subdomain(name);
  const labels = name.split(".");
  if (problems.length > 0) errors.push(invalid(path, name, problems.join(",")));
  else if (labels.length < 2)
    errors.push(invalid(path, name, "should be a domain with at least two segments separated by dots"));
  else {
    const bad = labels.find((label) => isDNS1123Label(label).length > 0);
    if (bad !== undefined) errors.push(invalid(path, bad, isDNS1123Label(bad).join(",")));
  }
}

function validateSlicePorts(ports: readonly Port[], path: FieldPath, errors: FieldError[]): void {
  if (ports.length > MAX_PORTS) return void errors.push(tooMany(path, ports.length, MAX_PORTS));
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = path.index(index);
    const { name = "" } = port;
    if (name !== "") invalidFor(isDNS1123Label(name), name, at.child("name"), errors);
    if (names.has(name)) errors.push(duplicate(at.child("name"), name));
    names.add(name);
    validateProtocols(port, at, errors);
  }
}

export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  warnings: endpointSliceWarnings,
  defaults: defaultEndpointSlice,
  validate: (slice) => validateSlice(slice),
  validateUpdate(next, old) {
    const errors = validateSlice(next, old);
    immutable(next.addressType, old.addressType, FieldPath.root("addressType"), errors);
    return errors;
  },
};
