import type { ObjectMeta as MetaV1 } from "@knots/api/meta/v1";
import type {
  AWSElasticBlockStoreVolumeSource,
  CSIVolumeSource,
  CephFSVolumeSource,
  CinderVolumeSource,
  GCEPersistentDiskVolumeSource,
  PersistentVolumeClaimTemplate,
  PodSpec,
  RBDVolumeSource,
  StorageOSVolumeSource,
  Volume,
} from "@knots/api/core/v1";
import { Quantity, isDNS1123Label } from "@knots/machinery";
import type { ObjectMeta } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, forbidden, invalid, required } from "../field.ts";
import { validatePullPolicy } from "./containers.ts";
import { validateDriverName } from "./driver-name.ts";
import { TOO_LONG_TOGETHER, isTooLongTogether, validateIscsi } from "./iscsi.ts";
import { validateAnnotations, validateLabels } from "./metadata.ts";
import { invalidFor, nameIsDNSSubdomain } from "./names.ts";
import { validateDescendingPath, validateKeyToPaths, validateMode } from "./paths.ts";
import { validateDownwardFile, validateProjected } from "./projected-volumes.ts";
import { validateClaimSpec } from "./volume-claim.ts";
import type { VolumeNames } from "./volume-mounts.ts";
import {
  MORE_THAN_ONE,
  NONE,
  azureDisk,
  both,
  fc,
  flexVolume,
  flocker,
  hostPath,
  needing,
  nfs,
  partitioned,
  quobyte,
  rulesOf,
  storageos,
  withSecret,
} from "./volume-sources.ts";
import type { KindRules, SourceRule } from "./volume-sources.ts";

/** Checks a pod's volumes; returns the good ones, by name, for the containers' mounts. `old` is the stored pod. */
export function validateVolumes(
  volumes: readonly Volume[] | undefined,
  meta: ObjectMeta | undefined,
  path: FieldPath,
  errors: FieldError[],
  old?: PodSpec,
): VolumeNames {
  const known = new Map<string, { isClaim: boolean }>();
  if (volumes === undefined) return known;
  const owned = new Set(volumes.filter((each) => each.ephemeral).map((each) => `${meta?.name ?? ""}-${each.name}`));
  volumes.forEach((volume, index) => {
    const at = path.index(index);
    const before = errors.length;
    validateSource(volume, meta, at, errors, old);
    if (!volume.name) errors.push(required(at.child("name")));
    else invalidFor(isDNS1123Label(volume.name), volume.name, at.child("name"), errors);
    if (known.has(volume.name)) errors.push(duplicate(at.child("name"), volume.name));
    if (errors.length === before)
      known.set(volume.name, { isClaim: volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined });
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && meta?.name && owned.has(claim)) {
      const why = "must not reference a PVC that gets created for an ephemeral volume";
      errors.push(invalid(at.child("persistentVolumeClaim").child("claimName"), claim, why));
    }
  });
  return known;
}

type Kind = Exclude<keyof Volume, "name">;
const of = rulesOf<Omit<Volume, "name">>();

function validateSource(
  volume: Volume,
  meta: ObjectMeta | undefined,
  path: FieldPath,
  errors: FieldError[],
  old?: PodSpec,
): void {
  let found = false;
  for (const [kind, { rule, at, tooMuchAt }] of RULES) {
    const source = volume[kind];
    if (source === undefined) continue;
    if (!found) rule(source, path.child(at), errors, old);
    else errors.push(forbidden(path.child(tooMuchAt), MORE_THAN_ONE));
    if (kind === "iscsi" && isTooLongTogether(volume.name, volume.iscsi ?? {}))
      errors.push(invalid(path.child("name"), volume.name, TOO_LONG_TOGETHER));
    if (kind === "ephemeral" && !found && meta?.name && volume.name) {
      const claim = `${meta.name}-${volume.name}`;
      for (const why of nameIsDNSSubdomain(claim, false))
        errors.push(invalid(path.child("name"), volume.name, `PVC name ${JSON.stringify(claim)}: ${why}`));
    }
    found = true;
  }
  if (!found) errors.push(required(path, NONE));
}

const keyed =
  (nameField: "name" | "secretName"): SourceRule<NonNullable<Volume["secret"] & Volume["configMap"]>> =>
  (source, path, errors) => {
    if (!source[nameField]) errors.push(required(path.child(nameField)));
    validateMode(source.defaultMode, path.child("defaultMode"), errors);
    validateKeyToPaths(source.items, path.child("items"), errors);
  };

const csi: SourceRule<CSIVolumeSource> = ({ driver, nodePublishSecretRef: secret }, path, errors) => {
  validateDriverName(driver, path.child("driver"), errors);
  if (secret === undefined) return;
  if (!secret.name) errors.push(required(path.child("nodePublishSecretRef", "name")));
  else invalidFor(nameIsDNSSubdomain(secret.name, false), secret.name, path.child("name"), errors);
};

/** Of the claim that is made for a pod only labels and annotations can be chosen, beside what it claims. */
function validateClaimTemplate(template: PersistentVolumeClaimTemplate, path: FieldPath, errors: FieldError[]): void {
  const { annotations, labels, ...others }: MetaV1 = template.metadata ?? {};
  const at = path.child("metadata");
  validateAnnotations(annotations, at.child("annotations"), errors);
  validateLabels(labels, at.child("labels"), errors);
  for (const [field, value] of Object.entries(others))
    if (value) errors.push(forbidden(at.child(GO_NAMES.get(field) ?? field), "cannot be set"));
  validateClaimSpec(template.spec, path.child("spec"), errors);
}

/** Upstream names these fields after those of its struct. */
const GO_NAMES = new Map([["uid", "uID"]]);

/** In upstream's order: the first that is there is what the volume is. */
const RULES: readonly (readonly [Kind, KindRules])[] = [
  of("emptyDir", ({ sizeLimit }, path, errors) => {
    if (sizeLimit !== undefined && Quantity.parse(sizeLimit).cmp(Quantity.parse("0")) < 0)
      errors.push(forbidden(path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity"));
  }),
  of("hostPath", hostPath),
  of("gitRepo", ({ repository, directory = "" }, path, errors) => {
    if (!repository) errors.push(required(path.child("repository")));
    validateDescendingPath(directory, path.child("directory"), errors);
  }),
  of("gcePersistentDisk", both(needing<GCEPersistentDiskVolumeSource>("pdName"), partitioned), "persistentDisk"),
  of("awsElasticBlockStore", both(needing<AWSElasticBlockStoreVolumeSource>("volumeID"), partitioned)),
  of("secret", keyed("secretName")),
  of("nfs", nfs),
  of("iscsi", (source, path, errors) =>
    validateIscsi(source, "must be valid format starting with iqn, eui, or naa", path, errors),
  ),
  of("glusterfs", needing("endpoints", "path")),
  of("flocker", flocker),
  of("persistentVolumeClaim", needing("claimName")),
  of("rbd", needing<RBDVolumeSource>("monitors", "image")),
  of("cinder", both(needing<CinderVolumeSource>("volumeID"), withSecret("name"))),
  of("cephfs", needing<CephFSVolumeSource>("monitors"), "cephfs", "cephFS"),
  of("quobyte", quobyte),
  of(
    "downwardAPI",
    ({ defaultMode, items = [] }, path, errors) => {
      validateMode(defaultMode, path.child("defaultMode"), errors);
      for (const item of items) validateDownwardFile(item, path, errors);
    },
    "downwardAPI",
    "downwarAPI",
  ),
  of("fc", fc),
  of("flexVolume", flexVolume),
  of("configMap", keyed("name")),
  of("azureFile", needing("secretName", "shareName")),
  of("vsphereVolume", needing("volumePath")),
  of("photonPersistentDisk", needing("pdID")),
  of("portworxVolume", needing("volumeID")),
  of("azureDisk", azureDisk),
  of("storageos", both<StorageOSVolumeSource>(storageos, withSecret("name"))),
  of("projected", validateProjected),
  of("scaleIO", needing("gateway", "system", "volumeName")),
  of("csi", csi),
  of("ephemeral", ({ volumeClaimTemplate: template }, path, errors) => {
    const at = path.child("volumeClaimTemplate");
    if (template === undefined) errors.push(required(at));
    else validateClaimTemplate(template, at, errors);
  }),
  of("image", ({ reference, pullPolicy }, path, errors, old) => {
    const before = old?.volumes?.some(({ image }) => image !== undefined && !image.reference) === true;
    if (!reference && !before) errors.push(required(path.child("reference")));
    validatePullPolicy(pullPolicy, path.child("pullPolicy"), errors);
  }),
];
