import type { StatefulSet } from "@knots/api/apps/v1";
import type { PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import type { OwnerReference } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { compareStrings, metaOf } from "../framework/objects.ts";
import { inRange, statefulSetRef } from "./identity.ts";

/**
 * The owners a claim is to have by spec.persistentVolumeClaimRetentionPolicy: the set's deletion or the pod's takes it along,
 * or nobody's. Owners of other kinds stay. Returns undefined where nothing changes. Pure.
 * @param pod the pod that uses the claim, where it exists
 */
export function wantedOwners(
  set: StatefulSet,
  claim: PersistentVolumeClaim,
  ordinal: number,
  pod: Pod | undefined,
): OwnerReference[] | undefined {
  const policy = set.spec?.persistentVolumeClaimRetentionPolicy;
  const scaledDown = !inRange(set, ordinal);
  const podOwns = policy?.whenScaled === "Delete" && scaledDown && pod?.metadata?.uid !== undefined;
  const setOwns = policy?.whenDeleted === "Delete" && !podOwns;
  const current = claim.metadata?.ownerReferences ?? [];
  const foreign = current.filter((ref) => !isOurs(ref, set, pod));
  const wanted = [...foreign];
  if (setOwns) wanted.push(statefulSetRef(set));
  if (podOwns && pod !== undefined) {
    const { name, uid } = metaOf(pod);
    wanted.push({ apiVersion: "v1", kind: "Pod", name, uid });
  }
  const sameOwners = (a: readonly OwnerReference[]): string[] => a.map((ref) => ref.uid).toSorted(compareStrings);
  return semanticEqual(sameOwners(current), sameOwners(wanted)) ? undefined : wanted;
}

function isOurs(ref: OwnerReference, set: StatefulSet, pod: Pod | undefined): boolean {
  if (ref.kind === "StatefulSet") return ref.uid === set.metadata?.uid;
  return ref.kind === "Pod" && pod !== undefined && ref.name === pod.metadata?.name;
}

/** A claim that goes away with an earlier pod of that name: a new pod must wait for it to be gone. */
export function isStale(claim: PersistentVolumeClaim, podName: string, pod: Pod | undefined): boolean {
  return (claim.metadata?.ownerReferences ?? []).some(
    (ref) => ref.kind === "Pod" && ref.name === podName && ref.uid !== pod?.metadata?.uid,
  );
}
