// What a PersistentVolume is made of: as in pods, but for secrets of other namespaces, and what pods have not.
import type {
  AWSElasticBlockStoreVolumeSource,
  CSIPersistentVolumeSource,
  CephFSPersistentVolumeSource,
  CinderPersistentVolumeSource,
  GCEPersistentDiskVolumeSource,
  ISCSIPersistentVolumeSource,
  PersistentVolumeSpec,
  RBDPersistentVolumeSource,
  SecretReference,
  StorageOSPersistentVolumeSource,
} from "@knots/api/core/v1";
import { isDNS1123Label, isDNS1123Subdomain } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, required } from "../field.ts";
import { validateDriverName } from "./driver-name.ts";
import { TOO_LONG_TOGETHER, isTooLongTogether, validateIscsi } from "./iscsi.ts";
import { invalidFor } from "./names.ts";
import { validateNoBackSteps } from "./paths.ts";
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

type Kind = keyof PersistentVolumeSpec;

const of = rulesOf<PersistentVolumeSpec>();

const SECRETS = [
  "controllerPublishSecretRef",
  "controllerExpandSecretRef",
  "nodePublishSecretRef",
  "nodeExpandSecretRef",
] as const;

const csi: SourceRule<CSIPersistentVolumeSource> = (source, path, errors) => {
  validateDriverName(source.driver, path.child("driver"), errors);
  if (!source.volumeHandle) errors.push(required(path.child("volumeHandle")));
  for (const field of SECRETS) {
    const secret = source[field];
    if (secret !== undefined) validateSecret(secret, path.child(field), errors);
  }
};

function validateSecret({ name = "", namespace = "" }: SecretReference, path: FieldPath, errors: FieldError[]): void {
  if (name === "") errors.push(required(path.child("name")));
  else invalidFor(isDNS1123Subdomain(name), name, path.child("name"), errors);
  if (namespace === "") errors.push(required(path.child("namespace")));
  else invalidFor(isDNS1123Label(namespace), namespace, path.child("namespace"), errors);
}

const NAMESPACE_MEANT = "if the endpointnamespace is set, it must be a valid namespace name";

/** In upstream's order: the first that is there is what the volume is. */
const RULES: readonly (readonly [Kind, KindRules])[] = [
  of("hostPath", hostPath),
  of("gcePersistentDisk", both(needing<GCEPersistentDiskVolumeSource>("pdName"), partitioned), "persistentDisk"),
  of("awsElasticBlockStore", both(needing<AWSElasticBlockStoreVolumeSource>("volumeID"), partitioned)),
  of("glusterfs", ({ endpoints, path: volume, endpointsNamespace: namespace }, path, errors) => {
    if (!endpoints) errors.push(required(path.child("endpoints")));
    if (!volume) errors.push(required(path.child("path")));
    const at = path.child("endpointsNamespace");
    if (namespace === "") errors.push(invalid(at, namespace, NAMESPACE_MEANT));
    else if (namespace !== undefined) invalidFor(isDNS1123Label(namespace), namespace, at, errors);
  }),
  of("flocker", flocker),
  of("nfs", nfs),
  of("rbd", needing<RBDPersistentVolumeSource>("monitors", "image")),
  of("quobyte", quobyte),
  of("cephfs", needing<CephFSPersistentVolumeSource>("monitors"), "cephfs", "cephFS"),
  of(
    "iscsi",
    both<ISCSIPersistentVolumeSource>(
      (source, path, errors) => validateIscsi(source, "must be valid format", path, errors),
      withSecret("name"),
    ),
  ),
  of("cinder", both(needing<CinderPersistentVolumeSource>("volumeID"), withSecret("name", "namespace"))),
  of("fc", fc),
  of("flexVolume", flexVolume),
  of("azureFile", ({ secretName, shareName, secretNamespace }, path, errors) => {
    if (!secretName) errors.push(required(path.child("secretName")));
    if (!shareName) errors.push(required(path.child("shareName")));
    if (secretNamespace === "") errors.push(required(path.child("secretNamespace")));
  }),
  of("vsphereVolume", needing("volumePath")),
  of("photonPersistentDisk", needing("pdID")),
  of("portworxVolume", needing("volumeID")),
  of("azureDisk", azureDisk),
  of("scaleIO", needing("gateway", "system", "volumeName")),
  of("local", ({ path: directory }, path, errors) => {
    if (!directory) errors.push(required(path.child("path")));
    else validateNoBackSteps(directory, path.child("path"), errors);
  }),
  of("storageos", both<StorageOSPersistentVolumeSource>(storageos, withSecret("name", "namespace"))),
  of("csi", csi),
];

/** Fields of a PersistentVolume that say what it is, as far as it has them. */
export const sourcesOf = (spec: PersistentVolumeSpec | undefined): Kind[] =>
  RULES.filter(([kind]) => spec?.[kind] !== undefined).map(([kind]) => kind);

/** `path` is that of the spec. */
export function validatePersistentSource(
  spec: PersistentVolumeSpec,
  name: string,
  path: FieldPath,
  errors: FieldError[],
): void {
  let found = false;
  for (const [kind, { rule, at, tooMuchAt }] of RULES) {
    const source = spec[kind];
    if (source === undefined) continue;
    // FlexVolumes may stand beside others: upstream does not count them when it comes to them.
    if (found && kind !== "flexVolume") errors.push(forbidden(path.child(tooMuchAt), MORE_THAN_ONE));
    else {
      rule(source, path.child(at), errors);
      if (kind === "iscsi" && isTooLongTogether(name, spec.iscsi ?? {}))
        errors.push(invalid(path.child(at, "targetportal"), spec.iscsi?.targetPortal ?? "", TOO_LONG_TOGETHER));
      if (kind === "local" && spec.nodeAffinity === undefined)
        errors.push(required(path.child("nodeAffinity"), "Local volume requires node affinity"));
    }
    found = true;
  }
  if (!found) errors.push(required(path, NONE));
}
