// A node makes mirror pods of its own and ends, evicts and tells the status of the pods that are on it.
import type { Container, Node, Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import { newNotFound } from "@knots/machinery";
import { deepEqual } from "../../../registry/metadata.ts";
import type { AdmissionAttributes } from "../../types.ts";
import { quoted, refuse } from "./refuse.ts";

const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";

export function checkPod(attributes: AdmissionAttributes, node: string): void {
  const { operation, subresource } = attributes;
  switch (subresource) {
    case "":
      if (operation === "CREATE") checkMirrorPod(attributes, node);
      else if (operation === "DELETE") checkDeletion(attributes, node);
      else
        refuse(
          attributes,
          `unexpected operation ${quoted(operation)}, node ${quoted(node)} can only create and delete mirror pods`,
        );
      return;
    case "status":
      checkStatus(attributes, node);
      return;
    case "eviction":
      checkEviction(attributes, node);
      return;
    default:
      refuse(attributes, `unexpected pod subresource ${quoted(subresource)}, only 'status' and 'eviction' are allowed`);
  }
}

function checkMirrorPod(attributes: AdmissionAttributes, node: string): void {
  const pod = attributes.object as Pod;
  const who = `node ${quoted(node)}`;
  if (pod.metadata?.annotations?.[MIRROR_ANNOTATION] === undefined) {
    refuse(attributes, `pod does not have ${quoted(MIRROR_ANNOTATION)} annotation, ${who} can only create mirror pods`);
  }
  if (pod.spec?.nodeName !== node) refuse(attributes, `${who} can only create pods with spec.nodeName set to itself`);
  checkOwner(attributes, pod, node);
  const referred = references(pod);
  if (referred !== undefined) refuse(attributes, `${who} can not create pods that reference ${referred}`);
}

function checkOwner(attributes: AdmissionAttributes, pod: Pod, node: string): void {
  const who = `node ${quoted(node)}`;
  const [owner, ...others] = pod.metadata?.ownerReferences ?? [];
  if (others.length > 0) refuse(attributes, `${who} can only create pods with a single owner reference set to itself`);
  if (owner === undefined || owner.apiVersion !== "v1" || owner.kind !== "Node" || owner.name !== node)
    refuse(attributes, `${who} can only create pods with an owner reference set to itself`);
  if (owner?.controller !== true)
    refuse(attributes, `${who} can only create pods with a controller owner reference set to itself`);
  if (owner?.blockOwnerDeletion === true)
    refuse(attributes, `${who} must not set blockOwnerDeletion on an owner reference`);
  const self = attributes.objects.get<Node>(nodes, undefined, node);
  if (self === undefined) throw newNotFound({ group: "", resource: "nodes" }, node);
  const { uid = "" } = self.metadata ?? {};
  if (owner?.uid !== uid) refuse(attributes, `node ${node} UID mismatch: expected ${owner?.uid ?? ""} got ${uid}`);
}

/** What other objects a pod needs, the first kind of them: a node must not gain the right to read them by a pod of its own. */
function references({ spec }: Pod): string | undefined {
  if (spec === undefined) return undefined;
  if ((spec.serviceAccountName ?? "") !== "") return "a service account";
  const containers = [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...((spec.ephemeralContainers ?? []) as Container[]),
  ];
  const sources = containers.flatMap(({ env, envFrom }) => [
    ...(env ?? []).map(({ valueFrom }) => ({ secret: valueFrom?.secretKeyRef, configMap: valueFrom?.configMapKeyRef })),
    ...(envFrom ?? []).map(({ secretRef, configMapRef }) => ({ secret: secretRef, configMap: configMapRef })),
  ]);
  const volumes = spec.volumes ?? [];
  const projected = volumes.flatMap((volume) => volume.projected?.sources ?? []);
  const readsSecret =
    (spec.imagePullSecrets ?? []).length > 0 ||
    [...sources, ...projected].some(({ secret }) => secret !== undefined) ||
    volumes.some((volume) => volume.secret !== undefined || hasSecretRef(volume));
  if (readsSecret) return "secrets";
  if ([...sources, ...projected, ...volumes].some(({ configMap }) => configMap !== undefined)) return "configmaps";
  if (projected.some(({ clusterTrustBundle }) => clusterTrustBundle !== undefined)) return "clustertrustbundles";
  if (volumes.some((volume) => volume.persistentVolumeClaim !== undefined)) return "persistentvolumeclaims";
  return (spec.resourceClaims ?? []).length > 0 ? "resourceclaims" : undefined;
}

/** Volume sources name the Secret with their credentials in fields of these names. */
function hasSecretRef(volume: object): boolean {
  return Object.values(volume).some(
    (source: unknown) =>
      typeof source === "object" &&
      source !== null &&
      ["secretRef", "secretName", "nodePublishSecretRef"].some((name) => name in source),
  );
}

function checkDeletion(attributes: AdmissionAttributes, node: string): void {
  if ((attributes.oldObject as Pod | undefined)?.spec?.nodeName !== node)
    refuse(attributes, `node ${quoted(node)} can only delete pods with spec.nodeName set to itself`);
}

function checkStatus(attributes: AdmissionAttributes, node: string): void {
  const who = `node ${quoted(node)}`;
  if (attributes.operation !== "UPDATE") refuse(attributes, `unexpected operation ${quoted(attributes.operation)}`);
  const [old, next] = [attributes.oldObject as Pod, attributes.object as Pod];
  if (old.spec?.nodeName !== node)
    refuse(attributes, `${who} can only update pod status for pods with spec.nodeName set to itself`);
  if (!deepEqual(next.metadata?.labels ?? {}, old.metadata?.labels ?? {}))
    refuse(attributes, `${who} cannot update labels through pod status`);
  if (!deepEqual(next.status?.resourceClaimStatuses ?? [], old.status?.resourceClaimStatuses ?? []))
    refuse(attributes, `${who} cannot update resource claim statuses`);
  if (!deepEqual(next.status?.extendedResourceClaimStatus, old.status?.extendedResourceClaimStatus))
    refuse(attributes, `${who} cannot update extended resource claim status`);
}

function checkEviction(attributes: AdmissionAttributes, node: string): void {
  if (attributes.operation !== "CREATE") refuse(attributes, `unexpected operation ${attributes.operation}`);
  const name = attributes.name === "" ? (attributes.object?.metadata?.name ?? "") : attributes.name;
  if (name === "") refuse(attributes, "could not determine pod from request data");
  const pod = attributes.objects.get<Pod>(pods, attributes.namespace, name);
  if (pod === undefined) throw newNotFound({ group: "", resource: "pods" }, name);
  if (pod.spec?.nodeName !== node)
    refuse(attributes, `node ${node} can only evict pods with spec.nodeName set to itself`);
}
