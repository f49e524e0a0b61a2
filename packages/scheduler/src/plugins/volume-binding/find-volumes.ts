// What a node has to offer to the claims of a pod that wait for their first consumer. Pure.
import type { PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";
import type { CSIStorageCapacity, StorageClass } from "@knots/api/storage/v1";
import { Quantity, selectorFromLabelSelector } from "@knots/machinery";
import type { Listers } from "../../framework/handle.ts";
import type { NodeInfo } from "../../framework/node-info.ts";
import { compileNodeSelector, compileTerm } from "../../framework/node-selector.ts";
import { SELECTED_NODE } from "./claims.ts";

const NO_PROVISIONER = "kubernetes.io/no-provisioner";

/** A claim with the volumes that would do, wherever they are: those put aside for it first, then the smallest. */
export interface Wanting {
  readonly claim: PersistentVolumeClaim;
  readonly volumes: readonly PersistentVolume[];
}

/** What becomes of the claims when the pod goes to the node. */
export interface FoundVolumes {
  readonly bindings: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[];
  readonly provisions: readonly PersistentVolumeClaim[];
}

/** "volumes": nothing to bind, and nobody to make it. "space": who makes it has no room. */
export type Lacking = "volumes" | "space";

function size(volume: PersistentVolume): Quantity {
  return Quantity.parse(volume.spec?.capacity?.["storage"] ?? "0");
}

/** What a claim asks for; undefined where it does not say. */
function asked(claim: PersistentVolumeClaim): Quantity | undefined {
  const storage = claim.spec?.resources?.requests?.["storage"];
  return storage === undefined ? undefined : Quantity.parse(storage);
}

/** Whether pods on that node can reach the volume. */
export function reaches(volume: PersistentVolume, node: NodeInfo): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  return required === undefined || (node.node !== undefined && compileNodeSelector(required)(node.node));
}

function isPutAside({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { claimRef } = spec ?? {};
  return (
    claimRef !== undefined &&
    claimRef.namespace === claim.metadata?.namespace &&
    claimRef.name === claim.metadata?.name &&
    (claimRef.uid === undefined || claimRef.uid === claim.metadata?.uid)
  );
}

/** Whether a volume that nobody has would do for the claim, or one that was put aside for it. */
function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec } = volume;
  if (spec === undefined || volume.metadata?.deletionTimestamp !== undefined) return false;
  if ((spec.volumeMode ?? "Filesystem") !== (claim.spec?.volumeMode ?? "Filesystem")) return false;
  if ((spec.volumeAttributesClassName ?? "") !== (claim.spec?.volumeAttributesClassName ?? "")) return false;
  const least = asked(claim);
  if (least !== undefined && size(volume).cmp(least) < 0) return false;
  if (spec.claimRef !== undefined) return isPutAside(volume, claim);
  return (
    volume.status?.phase === "Available" &&
    (spec.storageClassName ?? "") === (claim.spec?.storageClassName ?? "") &&
    (claim.spec?.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode) ?? false) &&
    (claim.spec?.selector === undefined ||
      selectorFromLabelSelector(claim.spec.selector).matches(volume.metadata?.labels ?? {}))
  );
}

/** For each claim the volumes that would do; the smallest claims first, so that each takes the smallest volume it can. */
export function wanting(claims: readonly PersistentVolumeClaim[], volumes: readonly PersistentVolume[]): Wanting[] {
  const zero = Quantity.parse("0");
  return claims
    .toSorted((a, b) => (asked(a) ?? zero).cmp(asked(b) ?? zero))
    .map((claim) => {
      const fitting = volumes.filter((volume) => fits(volume, claim));
      const rank = (volume: PersistentVolume): number => (isPutAside(volume, claim) ? 0 : 1);
      return { claim, volumes: fitting.toSorted((a, b) => rank(a) - rank(b) || size(a).cmp(size(b))) };
    });
}

export interface Around extends Pick<Listers, "storageClass" | "csiDriver" | "storageCapacities"> {
  /** Whether the volume was promised to another claim, whose pod is on its way to a node. */
  isPromised(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean;
  /** The node that the claim was promised to another pod for. */
  promisedNode(claim: PersistentVolumeClaim): string | undefined;
}

/** Finds on that node a volume for each claim, or somebody who makes one; else what it lacks. */
export function findVolumes(claims: readonly Wanting[], node: NodeInfo, around: Around): FoundVolumes | Lacking {
  const bindings: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = [];
  const provisions: PersistentVolumeClaim[] = [];
  const taken = new Set<PersistentVolume>();
  for (const { claim, volumes } of claims) {
    const selected = claim.metadata?.annotations?.[SELECTED_NODE];
    const elsewhere = selected ?? around.promisedNode(claim);
    if (elsewhere !== undefined && elsewhere !== node.name) return "volumes";
    const volume =
      selected === undefined
        ? volumes.find((each) => !taken.has(each) && !around.isPromised(each, claim) && reaches(each, node))
        : undefined;
    if (volume === undefined) provisions.push(claim);
    else {
      taken.add(volume);
      bindings.push({ claim, volume });
    }
  }
  for (const claim of provisions) {
    const storageClass = around.storageClass(claim.spec?.storageClassName ?? "");
    if (storageClass === undefined || !canProvision(storageClass, node)) return "volumes";
    if (!hasRoom(storageClass, claim, node, around)) return "space";
  }
  return { bindings, provisions };
}

function canProvision({ provisioner, allowedTopologies }: StorageClass, node: NodeInfo): boolean {
  if (provisioner === "" || provisioner === NO_PROVISIONER) return false;
  if (allowedTopologies === undefined || allowedTopologies.length === 0) return true;
  return allowedTopologies.some((term) => {
    const matchExpressions = (term.matchLabelExpressions ?? []).map(({ key, values }) => ({
      key,
      operator: "In" as const,
      values,
    }));
    return node.node !== undefined && compileTerm({ matchExpressions })(node.node);
  });
}

/** Drivers that publish their capacity must have enough of it where the node can reach it; others are trusted. */
function hasRoom(
  storageClass: StorageClass,
  claim: PersistentVolumeClaim,
  node: NodeInfo,
  around: Pick<Around, "csiDriver" | "storageCapacities">,
): boolean {
  const least = asked(claim);
  if (least === undefined || around.csiDriver(storageClass.provisioner)?.spec.storageCapacity !== true) return true;
  return around
    .storageCapacities()
    .some(
      (capacity) =>
        capacity.storageClassName === storageClass.metadata?.name &&
        isEnough(capacity, least) &&
        isReachable(capacity, node),
    );
}

function isEnough({ maximumVolumeSize, capacity }: CSIStorageCapacity, least: Quantity): boolean {
  const limit = maximumVolumeSize ?? capacity;
  return limit !== undefined && Quantity.parse(limit).cmp(least) >= 0;
}

function isReachable({ nodeTopology }: CSIStorageCapacity, node: NodeInfo): boolean {
  // Without a topology it can be reached from nowhere; with an empty one from everywhere.
  if (nodeTopology === undefined) return false;
  return selectorFromLabelSelector(nodeTopology).matches(node.node?.metadata?.labels ?? {});
}
