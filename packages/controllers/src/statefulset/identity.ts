import type { StatefulSet } from "@knots/api/apps/v1";
import type { PersistentVolumeClaim, Pod, Volume } from "@knots/api/core/v1";
import type { OwnerReference } from "@knots/machinery";
import type { PodTemplateSpec } from "@knots/api/core/v1";
import { CONTROLLER_REVISION_HASH } from "../framework/history.ts";
import { metaOf } from "../framework/objects.ts";
import { podFromTemplate } from "../framework/pod-control.ts";

export const POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name";
export const POD_INDEX_LABEL = "apps.kubernetes.io/pod-index";

export function statefulSetRef(set: StatefulSet): OwnerReference {
  const { name, uid } = metaOf(set);
  return { apiVersion: "apps/v1", kind: "StatefulSet", name, uid, controller: true, blockOwnerDeletion: true };
}

export function startOrdinal(set: StatefulSet): number {
  return set.spec?.ordinals?.start ?? 0;
}

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata?.name ?? ""}-${ordinal}`;
}

/** The ordinal in a pod's name; undefined where the name is not one of the set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const match = /^(.*)-(\d+)$/s.exec(pod.metadata?.name ?? "");
  return match !== null && match[1] === set.metadata?.name ? Number(match[2]) : undefined;
}

export function inRange(set: StatefulSet, ordinal: number): boolean {
  const start = startOrdinal(set);
  return ordinal >= start && ordinal < start + (set.spec?.replicas ?? 1);
}

export function revisionOf(pod: Pod): string {
  return pod.metadata?.labels?.[CONTROLLER_REVISION_HASH] ?? "";
}

/** The pod of an ordinal: a name that stays, a hostname, a place in the governing Service, and its own claims. Pure. */
export function statefulPod(set: StatefulSet, template: PodTemplateSpec, ordinal: number, revision: string): Pod {
  const name = podName(set, ordinal);
  const pod = podFromTemplate(template, set, statefulSetRef(set), { name });
  pod.metadata = { ...pod.metadata, labels: { ...pod.metadata?.labels, [CONTROLLER_REVISION_HASH]: revision } };
  pod.spec = {
    containers: [],
    ...pod.spec,
    hostname: name,
    ...(set.spec?.serviceName ? { subdomain: set.spec.serviceName } : {}),
  };
  return withIdentity(set, pod, ordinal);
}

/** A copy of the pod that has the labels and volumes of its ordinal. */
export function withIdentity(set: StatefulSet, pod: Pod, ordinal: number): Pod {
  const next = structuredClone(pod);
  next.metadata = {
    ...next.metadata,
    labels: {
      ...next.metadata?.labels,
      [POD_NAME_LABEL]: podName(set, ordinal),
      [POD_INDEX_LABEL]: String(ordinal),
    },
  };
  const own: Volume[] = (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    name: template.metadata?.name ?? "",
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal), readOnly: false },
  }));
  if (next.spec !== undefined && own.length > 0) {
    const names = new Set(own.map((volume) => volume.name));
    next.spec.volumes = [...own, ...(next.spec.volumes ?? []).filter((volume) => !names.has(volume.name))];
  }
  return next;
}

/** Whether labels and volumes are those of the pod's ordinal. */
export function identityMatches(set: StatefulSet, pod: Pod, ordinal: number): boolean {
  const labels = pod.metadata?.labels ?? {};
  if (labels[POD_NAME_LABEL] !== pod.metadata?.name || labels[POD_INDEX_LABEL] !== String(ordinal)) return false;
  const claims = new Map(
    (pod.spec?.volumes ?? []).map((volume) => [volume.name, volume.persistentVolumeClaim?.claimName]),
  );
  return (set.spec?.volumeClaimTemplates ?? []).every(
    (template) => claims.get(template.metadata?.name ?? "") === claimName(set, template, ordinal),
  );
}

export function claimName(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string {
  return `${template.metadata?.name ?? ""}-${podName(set, ordinal)}`;
}

/** Whether a claim of that name is made from the template for one of the set's pods. */
export function isClaimOf(set: StatefulSet, template: PersistentVolumeClaim, name: string): boolean {
  const prefix = `${template.metadata?.name ?? ""}-${set.metadata?.name ?? ""}-`;
  return name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length));
}

/** The claims of an ordinal. Pure. */
export function claimsOf(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
    const claim = structuredClone(template);
    return {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: {
        name: claimName(set, template, ordinal),
        namespace: metaOf(set).namespace,
        labels: { ...claim.metadata?.labels, ...set.spec?.selector?.matchLabels },
        ...(claim.metadata?.annotations === undefined ? {} : { annotations: claim.metadata.annotations }),
      },
      ...(claim.spec === undefined ? {} : { spec: claim.spec }),
    };
  });
}
