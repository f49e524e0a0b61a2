import type { PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";
import type { FoundVolumes } from "./find-volumes.ts";

function keyOf(claim: PersistentVolumeClaim): string {
  return claim.metadata?.uid ?? "";
}

/** Volumes and claims of pods that have been given a node and are not bound yet: others must not choose them meanwhile. */
export class Promises {
  /** The claim, by the volume's name. */
  readonly #volumes = new Map<string, string>();
  /** The node, by the claim. */
  readonly #claims = new Map<string, string>();

  isPromised(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
    const holder = this.#volumes.get(volume.metadata?.name ?? "");
    return holder !== undefined && holder !== keyOf(claim);
  }

  promisedNode(claim: PersistentVolumeClaim): string | undefined {
    return this.#claims.get(keyOf(claim));
  }

  make({ bindings, provisions }: FoundVolumes, nodeName: string): void {
    for (const { claim, volume } of bindings) {
      this.#volumes.set(volume.metadata?.name ?? "", keyOf(claim));
      this.#claims.set(keyOf(claim), nodeName);
    }
    for (const claim of provisions) this.#claims.set(keyOf(claim), nodeName);
  }

  takeBack({ bindings, provisions }: FoundVolumes): void {
    for (const { claim, volume } of bindings) {
      this.#volumes.delete(volume.metadata?.name ?? "");
      this.#claims.delete(keyOf(claim));
    }
    for (const claim of provisions) this.#claims.delete(keyOf(claim));
  }
}
