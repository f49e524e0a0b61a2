import type { Node, PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";
import type { StorageClass } from "@knots/api/storage/v1";
import { annotated, BIND_COMPLETED, BOUND_BY_CONTROLLER, classOf, isBoundTo, SELECTED_NODE } from "./annotations.ts";
import { bestMatch, mismatch } from "./matching.ts";

export interface Told {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export type ClaimDecision =
  | { readonly do: "bind"; readonly volume: PersistentVolume }
  /** Stays Pending; `event` says why, `provisioner` names who is to make a volume. */
  | { readonly do: "wait"; readonly event?: Told; readonly provisioner?: string }
  | { readonly do: "lose"; readonly event: Told }
  /** Takes the default class, and is looked at again. */
  | { readonly do: "assignClass"; readonly className: string };

export interface Surroundings {
  readonly volumes: readonly PersistentVolume[];
  volume(name: string): PersistentVolume | undefined;
  storageClass(name: string): StorageClass | undefined;
  readonly defaultClass: string | undefined;
  node(name: string): Node | undefined;
  /** Name of a pod that uses the claim and has no node yet. */
  readonly waitingPod?: string | undefined;
}

const NO_PROVISIONER = "kubernetes.io/no-provisioner";

const told = (type: Told["type"], reason: string, message: string): Told => ({ type, reason, message });

/** What is to become of a claim. Pure. */
export function decideClaim(claim: PersistentVolumeClaim, around: Surroundings): ClaimDecision {
  return annotated(claim, BIND_COMPLETED) ? decideBound(claim, around) : decideUnbound(claim, around);
}

function decideBound(claim: PersistentVolumeClaim, around: Surroundings): ClaimDecision {
  const lost = (why: string, reason = "ClaimLost"): ClaimDecision => ({
    do: "lose",
    event: told("Warning", reason, why),
  });
  const name = claim.spec?.volumeName ?? "";
  if (name === "") return lost("Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
  const volume = around.volume(name);
  if (volume === undefined) return lost("Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  const { claimRef } = volume.spec ?? {};
  if (claimRef === undefined || claimRef.uid === claim.metadata?.uid) return { do: "bind", volume };
  return lost("Two claims are bound to the same volume, this one is bound incorrectly", "ClaimMisbound");
}

function decideUnbound(claim: PersistentVolumeClaim, around: Surroundings): ClaimDecision {
  const name = claim.spec?.volumeName ?? "";
  if (name !== "") return decideNamed(claim, around.volume(name));
  const className = classOf(claim);
  if (className === undefined && around.defaultClass !== undefined)
    return { do: "assignClass", className: around.defaultClass };
  const storageClass = around.storageClass(className ?? "");
  const selected = claim.metadata?.annotations?.[SELECTED_NODE];
  const delayed = storageClass?.volumeBindingMode === "WaitForFirstConsumer" && selected === undefined;
  const node = selected === undefined ? undefined : around.node(selected);
  const volume = bestMatch(claim, around.volumes, { node, onlyPrebound: delayed });
  if (volume !== undefined) return { do: "bind", volume };
  if (delayed) return { do: "wait", event: waitsForPod(around.waitingPod) };
  if ((className ?? "") === "")
    return {
      do: "wait",
      event: told(
        "Normal",
        "FailedBinding",
        "no persistent volumes available for this claim and no storage class is set",
      ),
    };
  return provision(className ?? "", storageClass);
}

function waitsForPod(pod: string | undefined): Told {
  return pod === undefined
    ? told("Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
    : told("Normal", "WaitForPodScheduled", `waiting for pod ${pod} to be scheduled`);
}

/** Volumes are made by others: CSI drivers' provisioners read who is asked from the claim. */
function provision(className: string, storageClass: StorageClass | undefined): ClaimDecision {
  if (storageClass === undefined) {
    const message = `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`;
    return { do: "wait", event: told("Warning", "ProvisioningFailed", message) };
  }
  const { provisioner } = storageClass;
  if (provisioner === NO_PROVISIONER) {
    const message = "no volume plugin matched name: kubernetes.io/no-provisioner";
    return { do: "wait", event: told("Warning", "ProvisioningFailed", message) };
  }
  const message =
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system ` +
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.";
  return { do: "wait", event: told("Normal", "ExternalProvisioning", message), provisioner };
}

/** A claim that names its volume gets that one or none. */
function decideNamed(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined): ClaimDecision {
  if (volume === undefined) return { do: "wait" };
  if (volume.spec?.claimRef === undefined) {
    const why = mismatch(volume, claim);
    if (why === undefined) return { do: "bind", volume };
    const message = `Cannot bind to requested volume ${JSON.stringify(volume.metadata?.name)}: ${why}`;
    return { do: "wait", event: told("Warning", "VolumeMismatch", message) };
  }
  if (isBoundTo(volume, claim)) return { do: "bind", volume };
  if (!annotated(claim, BOUND_BY_CONTROLLER)) {
    const { name = "", namespace = "" } = claim.metadata ?? {};
    const message = `volume ${JSON.stringify(volume.metadata?.name)} already bound to a different claim.`;
    return { do: "wait", event: told("Warning", "FailedBinding", `claim ${namespace}/${name}: ${message}`) };
  }
  return { do: "wait" };
}
