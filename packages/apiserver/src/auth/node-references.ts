// What belongs to a node: the pods bound to it, and what these refer to (upstream's graph, asked of the objects directly).
import type { PersistentVolume, Pod } from "@knots/api/core/v1";
import { persistentVolumes, pods } from "@knots/api/core/v1";
import type { ResourceSlice } from "@knots/api/resource/v1";
import { resourceSlices } from "@knots/api/resource/v1";
import type { VolumeAttachment } from "@knots/api/storage/v1";
import { volumeAttachments } from "@knots/api/storage/v1";
import type { ObjectSource } from "../registry/object-source.ts";

const MIRROR = "kubernetes.io/config.mirror";

/** Each question: does the object of that name (and namespace) have to do with the node? */
export class NodeReferences {
  readonly #objects: ObjectSource;

  constructor(objects: ObjectSource) {
    this.#objects = objects;
  }

  pod(node: string, namespace: string, name: string): boolean {
    return this.#objects.get<Pod>(pods, namespace, name)?.spec?.nodeName === node;
  }

  /** Of pods, and of the volumes that pods claim. */
  secret(node: string, namespace: string, name: string): boolean {
    if (this.#podsOf(node, namespace).some((pod) => refersTo(pod, usesSecret(name)))) return true;
    return this.#objects
      .list<PersistentVolume>(persistentVolumes)
      .some((volume) => secretsOf(volume).has(`${namespace}/${name}`) && this.#claims(node, volume));
  }

  configMap(node: string, namespace: string, name: string): boolean {
    return this.#podsOf(node, namespace).some((pod) => refersTo(pod, usesConfigMap(name)));
  }

  serviceAccount(node: string, namespace: string, name: string): boolean {
    return this.#podsOf(node, namespace).some(({ spec }) => (spec?.serviceAccountName ?? "default") === name);
  }

  persistentVolumeClaim(node: string, namespace: string, name: string): boolean {
    return this.#podsOf(node, namespace).some((pod) =>
      (pod.spec?.volumes ?? []).some(
        (volume) =>
          volume.persistentVolumeClaim?.claimName === name ||
          (volume.ephemeral !== undefined && `${pod.metadata?.name ?? ""}-${volume.name}` === name),
      ),
    );
  }

  persistentVolume(node: string, _namespace: string, name: string): boolean {
    const volume = this.#objects.get<PersistentVolume>(persistentVolumes, undefined, name);
    return volume !== undefined && this.#claims(node, volume);
  }

  /** By name, or made for a pod from a template or for its extended resources. */
  resourceClaim(node: string, namespace: string, name: string): boolean {
    return this.#podsOf(node, namespace).some(
      ({ spec, status }) =>
        (spec?.resourceClaims ?? []).some(({ resourceClaimName }) => resourceClaimName === name) ||
        (status?.resourceClaimStatuses ?? []).some(({ resourceClaimName }) => resourceClaimName === name) ||
        status?.extendedResourceClaimStatus?.resourceClaimName === name,
    );
  }

  volumeAttachment(node: string, _namespace: string, name: string): boolean {
    return this.#objects.get<VolumeAttachment>(volumeAttachments, undefined, name)?.spec?.nodeName === node;
  }

  resourceSlice(node: string, _namespace: string, name: string): boolean {
    return this.#objects.get<ResourceSlice>(resourceSlices, undefined, name)?.spec?.nodeName === node;
  }

  /** Mirror pods are the node's own word: they open nothing to it. */
  #podsOf(node: string, namespace: string): Pod[] {
    return this.#objects
      .list<Pod>(pods, namespace)
      .filter(({ spec, metadata }) => spec?.nodeName === node && metadata?.annotations?.[MIRROR] === undefined);
  }

  #claims(node: string, { spec }: PersistentVolume): boolean {
    const { namespace = "", name = "" } = spec?.claimRef ?? {};
    return name !== "" && this.persistentVolumeClaim(node, namespace, name);
  }
}

type IsReference = (key: string, object: Readonly<Record<string, unknown>>) => boolean;

const SECRET_KEYS = new Set(["secret", "secretRef", "secretKeyRef", "imagePullSecrets", "nodePublishSecretRef"]);
const CONFIG_MAP_KEYS = new Set(["configMap", "configMapRef", "configMapKeyRef"]);

const usesSecret =
  (name: string): IsReference =>
  (key, object) =>
    (SECRET_KEYS.has(key) && object["name"] === name) ||
    ((key === "secret" || key === "azureFile") && object["secretName"] === name);

const usesConfigMap =
  (name: string): IsReference =>
  (key, object) =>
    CONFIG_MAP_KEYS.has(key) && object["name"] === name;

function refersTo({ spec }: Pod, isReference: IsReference): boolean {
  return refers(spec, isReference);
}

/** Whether an object below such a key, at any depth, is a reference. */
function refers(value: unknown, isReference: IsReference): boolean {
  if (Array.isArray(value)) return value.some((each) => refers(each, isReference));
  if (value === null || typeof value !== "object") return false;
  return Object.entries(value).some(([key, each]) => {
    const list: readonly unknown[] = Array.isArray(each) ? each : [each];
    return list.some((item) => isObject(item) && isReference(key, item)) || refers(each, isReference);
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object";
}

/** "namespace/name" of the secrets with which a node mounts a volume; those of CSI controllers are none of its business. */
function secretsOf({ spec }: PersistentVolume): Set<string> {
  const claimed = spec?.claimRef?.namespace ?? "";
  const found = new Set<string>();
  const add = (name: string | undefined, namespace: string | undefined): void => {
    if (name !== undefined && name !== "") found.add(`${namespace ?? claimed}/${name}`);
  };
  add(spec?.azureFile?.secretName, spec?.azureFile?.secretNamespace);
  const { cephfs, cinder, flexVolume, rbd, scaleIO, iscsi, storageos, csi } = spec ?? {};
  for (const ref of [
    ...[cephfs, cinder, flexVolume, rbd, scaleIO, iscsi, storageos].map((source) => source?.secretRef),
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
  ])
    add(ref?.name, ref?.namespace === "" ? undefined : ref?.namespace);
  return found;
}
