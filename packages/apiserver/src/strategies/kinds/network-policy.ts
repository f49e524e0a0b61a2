import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "@knots/api/networking/v1";
import { isValidPortName } from "@knots/machinery";
import { defaultNetworkPolicy } from "../defaults/services.ts";
import { FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { isStrictSubset, parseRange, validateLegacyCidr } from "../validation/addresses.ts";
import { validateLabelSelector } from "../validation/label-selector.ts";
import { isValidPortNumber } from "../validation/names.ts";
import { networkPolicyWarnings } from "../warnings/kinds.ts";
import { PROTOCOLS } from "./endpoints.ts";

const SPEC = FieldPath.root("spec");
const TYPES = ["Ingress", "Egress"];

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: FieldPath, errors: FieldError[]): void {
  if (protocol !== undefined && !PROTOCOLS.includes(protocol))
    errors.push(notSupported(path.child("protocol"), protocol, PROTOCOLS));
  const end = path.child("endPort");
  if (port === undefined) {
    if (endPort !== undefined) errors.push(invalid(end, endPort, "may not be specified when `port` is not specified"));
  } else if (typeof port === "number") {
    for (const why of isValidPortNumber(port)) errors.push(invalid(path.child("port"), port, why));
    if (endPort === undefined) return;
    if (endPort < port) errors.push(invalid(end, port, "must be greater than or equal to `port`"));
    for (const why of isValidPortNumber(endPort)) errors.push(invalid(end, endPort, why));
  } else {
    if (endPort !== undefined) errors.push(invalid(end, endPort, "may not be specified when `port` is non-numeric"));
    for (const why of isValidPortName(port)) errors.push(invalid(path.child("port"), port, why));
  }
}

function validateBlock(
  { cidr, except = [] }: IPBlock,
  known: ReadonlySet<string>,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (cidr === "") return void errors.push(required(path.child("cidr"), ""));
  const range = validateLegacyCidr(cidr, path.child("cidr"), errors, known);
  if (range === undefined) return;
  for (const [index, part] of except.entries()) {
    const at = path.child("except").index(index);
    validateLegacyCidr(part, at, errors, known);
    const inner = parseRange(part);
    if (inner !== undefined && !isStrictSubset(inner, range))
      errors.push(invalid(at, part, "must be a strict subset of `cidr`"));
  }
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
  known: ReadonlySet<string>,
  path: FieldPath,
  errors: FieldError[],
): void {
  validateLabelSelector(podSelector, path.child("podSelector"), errors);
  validateLabelSelector(namespaceSelector, path.child("namespaceSelector"), errors);
  if (ipBlock !== undefined) validateBlock(ipBlock, known, path.child("ipBlock"), errors);
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  if (!selects && ipBlock === undefined) errors.push(required(path, "must specify a peer"));
  else if (selects && ipBlock !== undefined)
    errors.push(forbidden(path, "may not specify both ipBlock and another peer"));
}

function blocksOf({ spec }: NetworkPolicy): string[] {
  const peers = [
    ...(spec?.ingress ?? []).flatMap(({ from = [] }) => from),
    ...(spec?.egress ?? []).flatMap(({ to = [] }) => to),
  ];
  return peers.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])]));
}

function validatePolicy({ spec }: NetworkPolicy, old?: NetworkPolicy): FieldError[] {
  const errors: FieldError[] = [];
  const known = new Set(old === undefined ? [] : blocksOf(old));
  validateLabelSelector(spec?.podSelector, SPEC.child("podSelector"), errors);
  const validateRule = (
    ports: readonly NetworkPolicyPort[] = [],
    peers: readonly NetworkPolicyPeer[] = [],
    field: "from" | "to",
    path: FieldPath,
  ): void => {
    for (const [index, port] of ports.entries()) validatePort(port, path.child("ports").index(index), errors);
    for (const [index, peer] of peers.entries()) validatePeer(peer, known, path.child(field).index(index), errors);
  };
  for (const [index, { ports, from }] of (spec?.ingress ?? []).entries())
    validateRule(ports, from, "from", SPEC.child("ingress").index(index));
  for (const [index, { ports, to }] of (spec?.egress ?? []).entries())
    validateRule(ports, to, "to", SPEC.child("egress").index(index));
  const types = spec?.policyTypes ?? [];
  const at = SPEC.child("policyTypes");
  if (types.length > TYPES.length) errors.push(invalid(at, types, "may not specify more than two policyTypes"));
  else
    for (const [index, type] of types.entries())
      if (!TYPES.includes(type)) errors.push(notSupported(at.index(index), type, TYPES));
  return errors;
}

export const networkPolicyStrategy: Strategy<NetworkPolicy> = {
  warnings: (policy) => networkPolicyWarnings(policy),
  defaults: defaultNetworkPolicy,
  validate: (policy) => validatePolicy(policy),
  validateUpdate: validatePolicy,
};
