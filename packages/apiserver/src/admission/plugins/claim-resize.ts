import type { PersistentVolumeClaim } from "@knots/api/core/v1";
import { storageClasses } from "@knots/api/storage/v1";
import { Quantity } from "@knots/machinery";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { concerns } from "./match.ts";

const BETA_CLASS = "volume.beta.kubernetes.io/storage-class";

/** A claim grows only when it has a volume, of a class that lets volumes grow. */
export const persistentVolumeClaimResize: AdmissionPlugin = {
  name: "PersistentVolumeClaimResize",
  handles: (attributes) => concerns(attributes, "persistentvolumeclaims", ["UPDATE"]),
  validate(attributes) {
    const next = attributes.object as PersistentVolumeClaim;
    const old = attributes.oldObject as PersistentVolumeClaim;
    if (sizeOf(next).cmp(sizeOf(old)) <= 0) return;
    if (old.status?.phase !== "Bound")
      throw forbidden(attributes, "Only bound persistent volume claims can be expanded");
    if (mayGrow(attributes, classOf(next), classOf(old))) return;
    throw forbidden(
      attributes,
      "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    );
  },
};

function sizeOf(claim: PersistentVolumeClaim): Quantity {
  return Quantity.parse(claim.spec?.resources?.requests?.["storage"] ?? "0");
}

function classOf({ metadata, spec }: PersistentVolumeClaim): string {
  return metadata?.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? "";
}

function mayGrow({ objects }: AdmissionAttributes, next: string, old: string): boolean {
  if (next === "" || next !== old) return false;
  return objects.get(storageClasses, undefined, next)?.allowVolumeExpansion === true;
}
