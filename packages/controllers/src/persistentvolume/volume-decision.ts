import type { PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";
import { annotated, BOUND_BY_CONTROLLER, PROVISIONED_BY } from "./annotations.ts";
import type { Told } from "./claim-decision.ts";

export type VolumePhase = "Available" | "Bound" | "Released" | "Failed";

export interface VolumeDecision {
  readonly phase?: VolumePhase;
  readonly message?: string;
  readonly event?: Told;
  /** Whether the reference to the claim is taken back: all of it, or only the uid of a claim put aside by name. */
  readonly unbind?: "all" | "uid";
  /** The claim should be looked at: it can bind now. */
  readonly wakeClaim?: boolean;
}

/** What is to become of a volume; `claim` is the one it refers to, as it is now. Pure. */
export function decideVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeDecision {
  const { claimRef } = volume.spec ?? {};
  if (claimRef === undefined) return { phase: "Available" };
  // Put aside for a claim by name only: it waits for that claim to bind.
  if (!claimRef.uid) return { phase: "Available", wakeClaim: true };
  const own = claim?.metadata?.uid === claimRef.uid ? claim : undefined;
  if (own === undefined) return released(volume);
  const bound = own.spec?.volumeName ?? "";
  if (bound === volume.metadata?.name) return { phase: "Bound" };
  if (bound === "") return { wakeClaim: true };
  // The claim took another volume; this one is free again.
  return { unbind: annotated(volume, BOUND_BY_CONTROLLER) ? "all" : "uid", phase: "Available" };
}

/** The claim is gone; spec.persistentVolumeReclaimPolicy says what happens to what is on the volume. */
function released(volume: PersistentVolume): VolumeDecision {
  const phase = volume.status?.phase === "Failed" ? {} : ({ phase: "Released" } as const);
  const policy = volume.spec?.persistentVolumeReclaimPolicy;
  if (policy === "Recycle") return failed("VolumeFailedRecycle", "No recycler plugin found for the volume!");
  if (policy !== "Delete") return phase;
  // Who made the volume deletes it: a CSI driver's provisioner waits for the phase.
  if (annotated(volume, PROVISIONED_BY)) return phase;
  return failed(
    "VolumeFailedDelete",
    "error getting deleter volume plugin for volume: no deletable volume plugin matched",
  );
}

function failed(reason: string, message: string): VolumeDecision {
  return { phase: "Failed", message, event: { type: "Warning", reason, message } };
}
