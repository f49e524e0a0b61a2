// What works today but should not be written, of kinds other than those that make pods.
import type {
  Endpoints,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Service,
  ServiceAccount,
} from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import type { Ingress, IPBlock, NetworkPolicy } from "@knots/api/networking/v1";
import type { RuntimeClass } from "@knots/api/node/v1";
import type { CSIStorageCapacity, StorageClass } from "@knots/api/storage/v1";
import type { KubeObject } from "@knots/machinery";
import { cidrWarnings, ipWarnings } from "./addresses.ts";
import {
  deprecatedKeys,
  deprecatedNodeLabel,
  nodeLabelSelectorWarnings,
  nodeSelectorTermWarnings,
} from "./node-labels.ts";
import { claimSpecWarnings, goneVolumeWarnings } from "./pod-volumes.ts";

const HINTS = "service.kubernetes.io/topology-aware-hints";
const MODE = "service.kubernetes.io/topology-mode";
const STORAGE_CLASS = "volume.beta.kubernetes.io/storage-class";
const MOUNTABLE = "kubernetes.io/enforce-mountable-secrets";
const INGRESS_CLASS = "kubernetes.io/ingress.class";

/** Controllers write what they have put right already. */
const CONTROLLERS = {
  endpoints: ["endpoint-controller"],
  slices: ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"],
};

export function serviceWarnings({ metadata, spec = {} }: Service): string[] {
  const { type, clusterIP = "", clusterIPs = [], externalIPs = [], loadBalancerIP = "", externalName = "" } = spec;
  const headless = type === "ClusterIP" && clusterIP === "None";
  return [
    ...(metadata?.annotations?.[HINTS] === undefined
      ? []
      : [`annotation ${HINTS} is deprecated, please use ${MODE} instead`]),
    ...(clusterIP === "" || clusterIP === "None"
      ? []
      : clusterIPs.flatMap((ip, index) => ipWarnings(ip, `spec.clusterIPs[${index}]`))),
    ...(headless && loadBalancerIP !== "" ? ["spec.loadBalancerIP is ignored for headless services"] : []),
    ...(headless && externalIPs.length > 0 ? ["spec.externalIPs is ignored for headless services"] : []),
    ...(headless && spec.sessionAffinity !== "None" ? ["spec.SessionAffinity is ignored for headless services"] : []),
    ...externalIPs.flatMap((ip, index) => ipWarnings(ip, `spec.externalIPs[${index}]`)),
    ...(externalIPs.length > 0 && !headless && type !== "ExternalName" ? ["spec.externalIPs is deprecated"] : []),
    ...(loadBalancerIP === "" ? [] : ipWarnings(loadBalancerIP, "spec.loadBalancerIP")),
    ...(spec.loadBalancerSourceRanges ?? []).flatMap((cidr, index) =>
      cidrWarnings(cidr, `spec.loadBalancerSourceRanges[${index}]`),
    ),
    ...(type === "ExternalName" && externalIPs.length > 0
      ? ['spec.externalIPs is ignored when spec.type is "ExternalName"']
      : []),
    ...(type !== "ExternalName" && externalName !== ""
      ? ['spec.externalName is ignored when spec.type is not "ExternalName"']
      : []),
    ...(spec.trafficDistribution === "PreferClose"
      ? ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"']
      : []),
  ];
}

export function endpointsWarnings({ metadata, subsets = [] }: Endpoints): string[] {
  if (CONTROLLERS.endpoints.includes(metadata?.labels?.["endpoints.kubernetes.io/managed-by"] ?? "")) return [];
  return subsets.flatMap((subset, index) =>
    (["addresses", "notReadyAddresses"] as const).flatMap((list) =>
      (subset[list] ?? []).flatMap(({ ip }, at) => ipWarnings(ip, `subsets[${index}].${list}[${at}].ip`)),
    ),
  );
}

/** Whoever changes a slice of names knows what it is. */
export function endpointSliceWarnings({ metadata, addressType, endpoints = [] }: EndpointSlice, old?: EndpointSlice) {
  const deprecated =
    addressType === "FQDN" && old === undefined ? ["spec.addressType: FQDN endpoints are deprecated"] : [];
  const managed = metadata?.labels?.["endpointslice.kubernetes.io/managed-by"] ?? "";
  if (addressType === "FQDN" || CONTROLLERS.slices.includes(managed)) return deprecated;
  return endpoints.flatMap(({ addresses }, index) =>
    addresses.flatMap((ip, at) => ipWarnings(ip, `endpoints[${index}].addresses[${at}]`)),
  );
}

export function ingressWarnings({ metadata, spec }: Ingress, old?: Ingress): string[] {
  const annotated = metadata?.annotations?.[INGRESS_CLASS] !== undefined;
  if (old !== undefined || !annotated || spec?.ingressClassName !== undefined) return [];
  return [`annotation "${INGRESS_CLASS}" is deprecated, please use 'spec.ingressClassName' instead`];
}

export function networkPolicyWarnings({ spec }: NetworkPolicy): string[] {
  const block = (ipBlock: IPBlock | undefined, path: string): string[] =>
    ipBlock === undefined
      ? []
      : [
          ...cidrWarnings(ipBlock.cidr, `${path}.ipBlock.cidr`),
          ...(ipBlock.except ?? []).flatMap((cidr, index) => cidrWarnings(cidr, `${path}.ipBlock.except[${index}]`)),
        ];
  return [
    ...(spec?.ingress ?? []).flatMap(({ from = [] }, index) =>
      from.flatMap(({ ipBlock }, at) => block(ipBlock, `spec.ingress[${index}].from[${at}]`)),
    ),
    ...(spec?.egress ?? []).flatMap(({ to = [] }, index) =>
      to.flatMap(({ ipBlock }, at) => block(ipBlock, `spec.egress[${index}].to[${at}]`)),
    ),
  ];
}

const OLD_CLASS = `metadata.annotations[${STORAGE_CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead`;

export function claimWarnings({ metadata, spec }: PersistentVolumeClaim): string[] {
  return [
    ...(metadata?.annotations?.[STORAGE_CLASS] === undefined ? [] : [OLD_CLASS]),
    ...claimSpecWarnings(spec, "spec"),
  ];
}

export function volumeWarnings({ metadata, spec = {} }: PersistentVolume): string[] {
  return [
    ...(metadata?.annotations?.[STORAGE_CLASS] === undefined ? [] : [OLD_CLASS]),
    ...(spec.persistentVolumeReclaimPolicy === "Recycle"
      ? [
          "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
        ]
      : []),
    ...(spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).flatMap((term, index) =>
      nodeSelectorTermWarnings(term, `spec.nodeAffinity.required.nodeSelectorTerms[${index}]`),
    ),
    ...goneVolumeWarnings(spec, "spec", ["cephfs", "photonPersistentDisk", "scaleIO", "storageos", "glusterfs", "rbd"]),
  ];
}

export function storageClassWarnings({ allowedTopologies = [] }: StorageClass): string[] {
  return allowedTopologies.flatMap(({ matchLabelExpressions = [] }, index) =>
    matchLabelExpressions.flatMap(({ key }, at) => {
      const text = deprecatedNodeLabel(key);
      return text === undefined ? [] : [`allowedTopologies[${index}].matchLabelExpressions[${at}].key: ${text}`];
    }),
  );
}

export function storageCapacityWarnings({ nodeTopology }: CSIStorageCapacity): string[] {
  return nodeLabelSelectorWarnings(nodeTopology, "nodeTopology");
}

export function nodeWarnings({ spec = {} }: Node): string[] {
  return [
    ...(spec.configSource === undefined ? [] : ["spec.configSource: the feature is removed"]),
    ...(spec.externalID ? ["spec.externalID: this field is deprecated, and is unused by Kubernetes"] : []),
  ];
}

/** Names that will be those of files beside the API server (upstream: ManifestBasedAdmissionControlConfig). */
const STATIC_SUFFIX = ".static.k8s.io";

export function staticNameWarnings({ metadata }: KubeObject, old?: KubeObject): string[] {
  if (old !== undefined || !metadata?.name?.endsWith(STATIC_SUFFIX)) return [];
  return [
    `metadata.name: names ending with "${STATIC_SUFFIX}" will be reserved for static manifest-based configurations when the ManifestBasedAdmissionControlConfig feature gate is enabled`,
  ];
}

export function runtimeClassWarnings({ scheduling }: RuntimeClass): string[] {
  return deprecatedKeys(scheduling?.nodeSelector).map(([, text]) => `scheduling.nodeSelector: ${text}`);
}

/** Who had it already has been told. */
export function serviceAccountWarnings({ metadata }: ServiceAccount, old?: ServiceAccount): string[] {
  if (metadata?.annotations?.[MOUNTABLE] === undefined || old?.metadata?.annotations?.[MOUNTABLE] !== undefined)
    return [];
  return [
    `metadata.annotations[${MOUNTABLE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
  ];
}
