import type { PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";
import { persistentVolumeClaims, persistentVolumes } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import { formatTime } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { metaOf } from "../framework/objects.ts";
import { annotated, BIND_COMPLETED, BOUND_BY_CONTROLLER } from "./annotations.ts";
import type { VolumePhase } from "./volume-decision.ts";

/** The volume with its reference to the claim; undefined where it has it. Pure. */
export function boundVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume | undefined {
  const { claimRef } = volume.spec ?? {};
  const { name, namespace, uid, resourceVersion } = metaOf(claim);
  if (claimRef !== undefined && claimRef.uid === uid) return undefined;
  // A volume that an administrator put aside for the claim stays so when the claim is gone.
  const annotations: Record<string, string> = claimRef === undefined ? { [BOUND_BY_CONTROLLER]: "yes" } : {};
  return {
    ...volume,
    metadata: { ...volume.metadata, annotations: { ...volume.metadata?.annotations, ...annotations } },
    spec: {
      ...volume.spec,
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace,
        name,
        uid,
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    },
  };
}

/** The claim with its volume's name; undefined where it has it. Pure. */
export function boundClaim(claim: PersistentVolumeClaim, volume: PersistentVolume): PersistentVolumeClaim | undefined {
  const name = volume.metadata?.name ?? "";
  if (claim.spec?.volumeName === name && annotated(claim, BIND_COMPLETED)) return undefined;
  const annotations: Record<string, string> = { ...claim.metadata?.annotations, [BIND_COMPLETED]: "yes" };
  if (claim.spec?.volumeName !== name) annotations[BOUND_BY_CONTROLLER] = "yes";
  return { ...claim, metadata: { ...claim.metadata, annotations }, spec: { ...claim.spec, volumeName: name } };
}

/** The status of a bound claim: it has what its volume has. Pure. */
export function boundStatus(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): NonNullable<PersistentVolumeClaim["status"]> {
  const accessModes = volume.spec?.accessModes ?? [];
  const { capacity, phase } = claim.status ?? {};
  // Once bound, an expansion under way decides on the capacity.
  const size = phase === "Bound" && capacity !== undefined ? capacity : (volume.spec?.capacity ?? {});
  const className = volume.spec?.volumeAttributesClassName;
  return {
    ...claim.status,
    phase: "Bound",
    accessModes: [...accessModes],
    capacity: { ...size },
    ...(className && phase !== "Bound" ? { currentVolumeAttributesClassName: className } : {}),
  };
}

/** Carries out decisions; each step is its own write, and being stopped between two of them only means another try. */
export class Binder {
  readonly #client: Client;
  readonly #now: () => number;

  constructor(client: Client, now: () => number) {
    this.#client = client;
    this.#now = now;
  }

  /** The volume first: two claims that want it then meet there, and one of them loses with a conflict. */
  async bind(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
    const volumes = this.#client.resource(persistentVolumes);
    const claims = this.#client.resource(persistentVolumeClaims, metaOf(claim).namespace);
    const nextVolume = boundVolume(volume, claim);
    const held = nextVolume === undefined ? volume : await volumes.update(nextVolume);
    await this.setPhase(held, "Bound");
    const nextClaim = boundClaim(claim, held);
    const bound = nextClaim === undefined ? claim : await claims.update(nextClaim);
    await this.setClaimStatus(bound, boundStatus(bound, held));
  }

  async setClaimStatus(
    claim: PersistentVolumeClaim,
    status: NonNullable<PersistentVolumeClaim["status"]>,
  ): Promise<boolean> {
    if (semanticEqual(claim.status, status)) return false;
    await this.#client.resource(persistentVolumeClaims, metaOf(claim).namespace).updateStatus({ ...claim, status });
    return true;
  }

  async setPhase(volume: PersistentVolume, phase: VolumePhase, message?: string): Promise<boolean> {
    const { status } = volume;
    if (status?.phase === phase && status.message === message) return false;
    const { message: _, ...rest } = status ?? {};
    await this.#client.resource(persistentVolumes).updateStatus({
      ...volume,
      status: {
        ...rest,
        phase,
        ...(message === undefined ? {} : { message }),
        ...(status?.phase === phase ? {} : { lastPhaseTransitionTime: formatTime(new Date(this.#now())) }),
      },
    });
    return true;
  }

  /** Takes back what the controller wrote into a volume; a claim that an administrator named stays named. */
  async unbind(volume: PersistentVolume, what: "all" | "uid"): Promise<PersistentVolume> {
    const { claimRef, ...spec } = volume.spec ?? {};
    const { [BOUND_BY_CONTROLLER]: _, ...annotations } = volume.metadata?.annotations ?? {};
    const { uid: _uid, resourceVersion: _version, ...named } = claimRef ?? {};
    return await this.#client.resource(persistentVolumes).update({
      ...volume,
      metadata: { ...volume.metadata, annotations },
      spec: what === "all" ? spec : { ...spec, claimRef: named },
    });
  }
}
