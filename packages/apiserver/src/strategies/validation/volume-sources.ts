// What a volume is made of, where pods and PersistentVolumes say it in the same way.
import type {
  AzureDiskVolumeSource,
  FCVolumeSource,
  FlockerVolumeSource,
  HostPathVolumeSource,
  NFSVolumeSource,
  PodSpec,
  QuobyteVolumeSource,
} from "@knots/api/core/v1";
import { isDNS1123Label } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, notSupported, required } from "../field.ts";
import { invalidFor, rangeMessage } from "./names.ts";
import { validateNoBackSteps } from "./paths.ts";

export type SourceRule<S> = (source: S, path: FieldPath, errors: FieldError[]) => void;

/** Of what there is one. */
export const MORE_THAN_ONE = "may not specify more than 1 volume type";
export const NONE = "must specify a volume type";

/** @param old the stored pod, of an update of one */
type KindRule<S> = (source: S, path: FieldPath, errors: FieldError[], old?: PodSpec) => void;

export interface KindRules {
  readonly rule: KindRule<unknown>;
  /** Where errors of its contents are looked for, and where it is too much: as the field is called, unless given. */
  readonly at: string;
  readonly tooMuchAt: string;
}

/** Makes the rules of T's kinds of sources, each by the name of its field. */
export const rulesOf =
  <T>() =>
  <K extends keyof T & string>(
    kind: K,
    rule: KindRule<NonNullable<T[K]>>,
    at: string = kind,
    tooMuchAt: string = kind,
  ): readonly [K, KindRules] =>
    // Whoever goes through the rules gives each what its field holds.
    [kind, { rule: rule as KindRule<unknown>, at, tooMuchAt }];

/** Each of these fields says something. */
export const needing =
  <S extends object>(...fields: (keyof S & string)[]): SourceRule<S> =>
  (source, path, errors) => {
    for (const field of fields) {
      const value: unknown = source[field];
      if (!value || (Array.isArray(value) && value.length === 0)) errors.push(required(path.child(field)));
    }
  };

/** One rule after the other. */
export const both =
  <S>(first: SourceRule<S>, second: SourceRule<S>): SourceRule<S> =>
  (source, path, errors) => {
    first(source, path, errors);
    second(source, path, errors);
  };

/** A secret that is named is named in all of its parts. */
export const withSecret =
  <S extends { secretRef?: object }>(...parts: string[]): SourceRule<S> =>
  ({ secretRef }, path, errors) => {
    if (secretRef === undefined) return;
    for (const part of parts)
      if (!(secretRef as Record<string, unknown>)[part]) errors.push(required(path.child("secretRef", part)));
  };

const HOST_PATH_TYPES = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

export const hostPath: SourceRule<HostPathVolumeSource> = (source, path, errors) => {
  if (!source.path) return void errors.push(required(path.child("path")));
  validateNoBackSteps(source.path, path.child("path"), errors);
  const { type = "" } = source;
  if (!HOST_PATH_TYPES.includes(type)) errors.push(notSupported(path.child("type"), type, HOST_PATH_TYPES));
};

const MAX_PARTITION = 255;

/** Disks have partitions; the error's bounds are upstream's. */
export const partitioned: SourceRule<{ partition?: number }> = ({ partition = 0 }, path, errors) => {
  if (partition < 0 || partition > MAX_PARTITION)
    errors.push(invalid(path.child("partition"), partition, rangeMessage(1, MAX_PARTITION)));
};

export const nfs: SourceRule<NFSVolumeSource> = (source, path, errors) => {
  needing<NFSVolumeSource>("server", "path")(source, path, errors);
  const shared = source.path ?? "";
  if (!shared.startsWith("/")) errors.push(invalid(path.child("path"), shared, "must be an absolute path"));
};

const ONE_OF_BOTH = "must specify either targetWWNs or wwids, but not both";
const NOT_BOTH = "targetWWNs and wwids can not be specified simultaneously";
const MAX_LUN = 255;

export const fc: SourceRule<FCVolumeSource> = ({ targetWWNs = [], wwids = [], lun }, path, errors) => {
  const at = path.child("targetWWNs");
  if (targetWWNs.length + wwids.length === 0) errors.push(required(at, ONE_OF_BOTH));
  if (targetWWNs.length === 0) return;
  if (wwids.length > 0) errors.push(invalid(at, targetWWNs, NOT_BOTH));
  if (lun === undefined) errors.push(required(path.child("lun"), "lun is required if targetWWNs is specified"));
  else if (lun < 0 || lun > MAX_LUN) errors.push(invalid(path.child("lun"), lun, rangeMessage(0, MAX_LUN)));
};

export const flocker: SourceRule<FlockerVolumeSource> = ({ datasetName = "", datasetUUID = "" }, path, errors) => {
  if (datasetName === "" && datasetUUID === "")
    errors.push(required(path, "one of datasetName and datasetUUID is required"));
  if (datasetName !== "" && datasetUUID !== "")
    errors.push(invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously"));
  if (datasetName.includes("/")) errors.push(invalid(path.child("datasetName"), datasetName, "must not contain '/'"));
};

const PAIRS = "must be a host:port pair or multiple pairs separated by commas";
const MAX_TENANT = 64;

export const quobyte: SourceRule<QuobyteVolumeSource> = (source, path, errors) => {
  const { registry, tenant = "", volume } = source;
  const at = path.child("registry");
  if (!registry) errors.push(required(at, PAIRS));
  else if (tenant.length > MAX_TENANT)
    errors.push(required(path.child("tenant"), "must be a UUID and may not exceed a length of 64 characters"));
  else for (const pair of registry.split(",")) if (!isHostAndPort(pair)) errors.push(invalid(at, registry, PAIRS));
  if (!volume) errors.push(required(path.child("volume")));
};

/** As Go's net.SplitHostPort: a colon before the port, and addresses of IPv6 in brackets. */
function isHostAndPort(text: string): boolean {
  const colon = text.lastIndexOf(":");
  if (colon < 0) return false;
  if (!text.startsWith("[")) return !text.slice(0, colon).includes(":") && !/[[\]]/.test(text);
  const end = text.indexOf("]");
  return end + 1 === colon && !text.slice(1).includes("[") && !text.slice(colon).includes("]");
}

const CACHING = ["None", "ReadOnly", "ReadWrite"];
const KINDS = ["Dedicated", "Managed", "Shared"];
const MANAGED = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
const BLOB = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";

export const azureDisk: SourceRule<AzureDiskVolumeSource> = (source, path, errors) => {
  needing<AzureDiskVolumeSource>("diskName", "diskURI")(source, path, errors);
  const { cachingMode, kind } = source;
  const diskURI = source.diskURI ?? "";
  if (cachingMode !== undefined && !CACHING.includes(cachingMode))
    errors.push(notSupported(path.child("cachingMode"), cachingMode, CACHING));
  if (kind === undefined) return;
  if (!KINDS.includes(kind)) errors.push(notSupported(path.child("kind"), kind, KINDS));
  const [start, form] = kind === "Managed" ? ["/subscriptions/", MANAGED] : ["https://", BLOB];
  if (!diskURI.startsWith(start)) errors.push(notSupported(path.child("diskURI"), diskURI, [form]));
};

interface StorageOS {
  volumeName?: string;
  volumeNamespace?: string;
}

export const storageos: SourceRule<StorageOS> = ({ volumeName = "", volumeNamespace = "" }, path, errors) => {
  if (volumeName === "") errors.push(required(path.child("volumeName")));
  else invalidFor(isDNS1123Label(volumeName), volumeName, path.child("volumeName"), errors);
  if (volumeNamespace !== "")
    invalidFor(isDNS1123Label(volumeNamespace), volumeNamespace, path.child("volumeNamespace"), errors);
};

/** Drivers of their own; options that look like Kubernetes' own are not theirs. */
export const flexVolume: SourceRule<{ driver: string; options?: Record<string, string> }> = (source, path, errors) => {
  if (!source.driver) errors.push(required(path.child("driver")));
  for (const key in source.options) {
    const slash = key.indexOf("/");
    const domain = `.${(slash < 0 ? key : key.slice(0, slash)).toLowerCase()}`;
    if (domain.endsWith(".kubernetes.io") || domain.endsWith(".k8s.io"))
      errors.push(invalid(path.child("options").key(key), key, "kubernetes.io and k8s.io namespaces are reserved"));
  }
};
