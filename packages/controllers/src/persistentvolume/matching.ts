import type { Node, PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";
import { nodeMatchesNodeSelectorTerms, Quantity, selectorFromLabelSelector } from "@knots/machinery";
import { byName } from "../framework/objects.ts";
import { classOf, isBoundTo, volumeClass } from "./annotations.ts";

function size(volume: PersistentVolume): Quantity {
  return Quantity.parse(volume.spec?.capacity?.["storage"] ?? "0");
}

/** Why a volume that a claim names, or that is put aside for it, will not do; undefined where it does. Pure. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  const asked = Quantity.parse(claim.spec?.resources?.requests?.["storage"] ?? "0");
  if (size(volume).cmp(asked) < 0) return "requested PV is too small";
  if (volumeClass(volume) !== (classOf(claim) ?? "")) return "storageClassName does not match";
  if ((volume.spec?.volumeAttributesClassName ?? "") !== (claim.spec?.volumeAttributesClassName ?? ""))
    return "volumeAttributesClassName does not match";
  if (!sameMode(volume, claim)) return "incompatible volumeMode";
  return hasModes(volume, claim) ? undefined : "incompatible accessMode";
}

function sameMode(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (volume.spec?.volumeMode ?? "Filesystem") === (claim.spec?.volumeMode ?? "Filesystem");
}

function hasModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode));
}

export interface MatchOptions {
  /** The node that the claim's first consumer goes to: the volume must be reachable from there. */
  readonly node?: Node | undefined;
  /** Before its consumer has a node a claim takes only what was put aside for it. */
  readonly onlyPrebound?: boolean;
}

/** The volume put aside for the claim, else the smallest free one that does; undefined where there is none. Pure. */
export function bestMatch(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  { node, onlyPrebound = false }: MatchOptions = {},
): PersistentVolume | undefined {
  const selector = claim.spec?.selector === undefined ? undefined : selectorFromLabelSelector(claim.spec.selector);
  const reaches = ({ spec }: PersistentVolume): boolean =>
    node === undefined ||
    spec?.nodeAffinity?.required === undefined ||
    nodeMatchesNodeSelectorTerms(node, spec.nodeAffinity.required.nodeSelectorTerms);
  const usable = volumes.filter(
    (volume) => volume.metadata?.deletionTimestamp === undefined && mismatch(volume, claim) === undefined,
  );
  const prebound = usable.find((volume) => isBoundTo(volume, claim) && reaches(volume));
  if (prebound !== undefined || onlyPrebound) return prebound;
  return usable
    .filter(
      (volume) =>
        volume.spec?.claimRef === undefined &&
        volume.status?.phase === "Available" &&
        (selector === undefined || selector.matches(volume.metadata?.labels)) &&
        reaches(volume),
    )
    .toSorted((a, b) => size(a).cmp(size(b)) || byName(a, b))[0];
}
