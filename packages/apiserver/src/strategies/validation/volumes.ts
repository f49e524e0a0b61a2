import type { Volume } from "@knots/api/core/v1";
import { Quantity, isDNS1123Label, tableOf } from "@knots/machinery";
import type { ObjectMeta } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, forbidden, invalid, notSupported, required } from "../field.ts";
import type { VolumeNames } from "./containers.ts";
import { VOLUME_FIELDS, validateFieldRef, validateResourceFieldRef } from "./env.ts";
import { rangeMessage } from "./names.ts";
import { validateKeyToPaths, validateMode, validateNoBackSteps, validateNonDescendingStart } from "./paths.ts";
import { validateClaimSpec } from "./volume-claim.ts";

export const HOST_PATH_TYPES = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

/** Checks a pod's volumes; returns the good ones, by name, for the containers' mounts. */
export function validateVolumes(
  volumes: readonly Volume[] | undefined,
  meta: ObjectMeta | undefined,
  path: FieldPath,
  errors: FieldError[],
): VolumeNames {
  const known = new Map<string, { isClaim: boolean }>();
  const seen = new Set<string>();
  const owned = new Set(
    (volumes ?? []).filter((each) => each.ephemeral).map((each) => `${meta?.name ?? ""}-${each.name}`),
  );
  volumes?.forEach((volume, index) => {
    const at = path.index(index);
    const before = errors.length;
    validateSource(volume, at, errors);
    if (!volume.name) errors.push(required(at.child("name"), ""));
    else
      for (const message of isDNS1123Label(volume.name)) errors.push(invalid(at.child("name"), volume.name, message));
    if (seen.has(volume.name)) errors.push(duplicate(at.child("name"), volume.name));
    if (errors.length === before) {
      seen.add(volume.name);
      known.set(volume.name, { isClaim: volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined });
    }
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && meta?.name && owned.has(claim)) {
      const why = "must not reference a PVC that gets created for an ephemeral volume";
      errors.push(invalid(at.child("persistentVolumeClaim").child("claimName"), claim, why));
    }
  });
  return known;
}

function validateSource(volume: Volume, path: FieldPath, errors: FieldError[]): void {
  const sources = Object.entries(volume).filter(([key, value]) => key !== "name" && value !== undefined);
  sources.forEach(([kind], index) => {
    if (index > 0) errors.push(forbidden(path.child(kind), "may not specify more than 1 volume type"));
  });
  const kind = sources[0]?.[0];
  if (kind === undefined) errors.push(required(path, "must specify a volume type"));
  else VALIDATORS[kind]?.(volume, path.child(kind), errors);
}

type SourceValidator = (volume: Volume, path: FieldPath, errors: FieldError[]) => void;

const requireFields =
  (kind: keyof Volume, ...fields: string[]): SourceValidator =>
  (volume, path, errors) => {
    const source = volume[kind] as unknown as Record<string, unknown>;
    for (const field of fields) if (!source[field]) errors.push(required(path.child(field), ""));
  };

const VALIDATORS: Readonly<Record<string, SourceValidator>> = tableOf({
  emptyDir(volume, path, errors) {
    const limit = volume.emptyDir?.sizeLimit;
    if (limit !== undefined && Quantity.parse(limit).cmp(Quantity.parse("0")) < 0) {
      errors.push(forbidden(path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity"));
    }
  },
  hostPath(volume, path, errors) {
    const source = volume.hostPath;
    if (!source?.path) return void errors.push(required(path.child("path"), ""));
    validateNoBackSteps(source.path, path.child("path"), errors);
    if (!HOST_PATH_TYPES.includes(source.type ?? "")) {
      errors.push(notSupported(path.child("type"), source.type ?? "", HOST_PATH_TYPES));
    }
  },
  secret(volume, path, errors) {
    if (!volume.secret?.secretName) errors.push(required(path.child("secretName"), ""));
    validateMode(volume.secret?.defaultMode, path.child("defaultMode"), errors);
    validateKeyToPaths(volume.secret?.items, path.child("items"), errors);
  },
  configMap(volume, path, errors) {
    if (!volume.configMap?.name) errors.push(required(path.child("name"), ""));
    validateMode(volume.configMap?.defaultMode, path.child("defaultMode"), errors);
    validateKeyToPaths(volume.configMap?.items, path.child("items"), errors);
  },
  downwardAPI(volume, path, errors) {
    validateMode(volume.downwardAPI?.defaultMode, path.child("defaultMode"), errors);
    validateDownwardFiles(volume.downwardAPI?.items, path.child("items"), errors);
  },
  projected: validateProjected,
  persistentVolumeClaim: requireFields("persistentVolumeClaim", "claimName"),
  nfs(volume, path, errors) {
    if (!volume.nfs?.server) errors.push(required(path.child("server"), ""));
    if (!volume.nfs?.path) errors.push(required(path.child("path"), ""));
    else if (!volume.nfs.path.startsWith("/")) {
      errors.push(invalid(path.child("path"), volume.nfs.path, "must be an absolute path"));
    }
  },
  csi: requireFields("csi", "driver"),
  image: requireFields("image", "reference"),
  ephemeral(volume, path, errors) {
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (!template) return void errors.push(required(path.child("volumeClaimTemplate"), ""));
    validateClaimSpec(template.spec, path.child("volumeClaimTemplate").child("spec"), errors);
  },
  gitRepo: requireFields("gitRepo", "repository"),
  iscsi: requireFields("iscsi", "targetPortal", "iqn"),
  glusterfs: requireFields("glusterfs", "endpoints", "path"),
  rbd: requireFields("rbd", "monitors", "image"),
  cephfs: requireFields("cephfs", "monitors"),
  cinder: requireFields("cinder", "volumeID"),
  awsElasticBlockStore: requireFields("awsElasticBlockStore", "volumeID"),
  gcePersistentDisk: requireFields("gcePersistentDisk", "pdName"),
  azureFile: requireFields("azureFile", "secretName", "shareName"),
  azureDisk: requireFields("azureDisk", "diskName", "diskURI"),
  flexVolume: requireFields("flexVolume", "driver"),
  vsphereVolume: requireFields("vsphereVolume", "volumePath"),
  portworxVolume: requireFields("portworxVolume", "volumeID"),
  quobyte: requireFields("quobyte", "registry", "volume"),
  storageos: requireFields("storageos", "volumeName"),
});

type DownwardItems = NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>;

function validateDownwardFiles(items: DownwardItems | undefined, path: FieldPath, errors: FieldError[]): void {
  items?.forEach((item) => {
    // Reported without the item's index, as upstream does.
    const at = path;
    if (!item.path) errors.push(required(at.child("path"), ""));
    validateNonDescendingStart(item.path, at.child("path"), errors);
    if (item.fieldRef) {
      validateFieldRef(item.fieldRef, VOLUME_FIELDS, at.child("fieldRef"), errors);
      if (item.resourceFieldRef) {
        errors.push(invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
      }
    } else if (item.resourceFieldRef) {
      validateResourceFieldRef(item.resourceFieldRef, true, at.child("resourceFieldRef"), errors);
    } else errors.push(required(at, "one of fieldRef and resourceFieldRef is required"));
    validateMode(item.mode, at.child("mode"), errors);
  });
}

function validateProjected(volume: Volume, path: FieldPath, errors: FieldError[]): void {
  validateMode(volume.projected?.defaultMode, path.child("defaultMode"), errors);
  const used = new Set<string>();
  volume.projected?.sources?.forEach((source, index) => {
    const at = path.child("sources").index(index);
    const kinds = Object.keys(source).filter((key) => source[key as keyof typeof source] !== undefined);
    if (kinds.length === 0) errors.push(required(at, "must specify a volume type"));
    for (const kind of kinds.slice(1))
      errors.push(forbidden(at.child(kind), "may not specify more than 1 volume type"));
    for (const kind of ["secret", "configMap"] as const) {
      const projection = source[kind];
      if (!projection) continue;
      if (!projection.name) errors.push(required(at.child(kind).child("name"), ""));
      validateKeyToPaths(projection.items, at.child(kind).child("items"), errors);
      for (const item of projection.items ?? []) {
        if (used.has(item.path)) errors.push(invalid(path, projection.name ?? "", `conflicting duplicate paths`));
        used.add(item.path);
      }
    }
    validateDownwardFiles(source.downwardAPI?.items, at.child("downwardAPI"), errors);
    const token = source.serviceAccountToken;
    if (!token) return;
    const seconds = token.expirationSeconds ?? 3600;
    const tokenPath = at.child("serviceAccountToken");
    if (seconds < 600)
      errors.push(
        invalid(tokenPath.child("expirationSeconds"), seconds, "may not specify a duration less than 10 minutes"),
      );
    if (seconds > 2 ** 32)
      errors.push(invalid(tokenPath.child("expirationSeconds"), seconds, rangeMessage(600, 2 ** 32)));
    if (!token.path) errors.push(required(tokenPath.child("path"), ""));
    else validateNonDescendingStart(token.path, tokenPath.child("path"), errors);
  });
}
