import type { ResourceClaim } from "@knots/api/resource/v1";
import { namespacedName, podOfExtendedClaim } from "@knots/machinery";
import { DevicesInUse } from "./devices-in-use.ts";

/** What this scheduler did with a claim and the informer has not shown yet. */
interface Own {
  readonly claim: ResourceClaim;
  /** The allocation is not written yet. */
  readonly pending: boolean;
}

interface Entry {
  observed: ResourceClaim | undefined;
  own: Own | undefined;
  /** The claim as it was when its devices were counted. */
  counted: ResourceClaim | undefined;
}

/**
 * Claims as the scheduler must see them: as the informer has them, except for those that it has given devices to itself. A
 * device is taken from the moment on at which a pod's cycle chose it, not only when the API server knows.
 */
export class ClaimCache {
  readonly inUse = new DevicesInUse();
  /** By namespace/name. */
  readonly #entries = new Map<string, Entry>();
  /** Claims for pods' extended resources, by the pod's uid: their names are known to nobody before they are made. */
  readonly #extended = new Map<string, string>();
  /** Such claims with devices that are not made yet, or that the informer has not shown, by the pod's uid. */
  readonly #unmade = new Map<string, ResourceClaim>();

  /** The claim that was made for a pod's extended resources, in an earlier attempt to schedule it. */
  ofPod(uid: string): ResourceClaim | undefined {
    const entry = this.#entries.get(this.#extended.get(uid) ?? "");
    return entry?.own?.claim ?? entry?.observed;
  }

  get(namespace: string, name: string): ResourceClaim | undefined {
    const entry = this.#entries.get(`${namespace}/${name}`);
    return entry?.observed === undefined ? undefined : (entry.own?.claim ?? entry.observed);
  }

  /** Whether devices were chosen for the claim and are not written yet. */
  isPending(claim: ResourceClaim): boolean {
    const own = this.#entries.get(namespacedName(claim))?.own;
    return own !== undefined && own.pending && isSame(own.claim, claim);
  }

  /** The informer's word. */
  observe(claim: ResourceClaim): void {
    this.#change(claim, (entry) => {
      entry.observed = claim;
      const { own } = entry;
      if (own === undefined) return;
      // An allocation that is there is ours, come before the answer to our request, or another's, and then ours will fail.
      const caughtUp = own.pending
        ? claim.status?.allocation !== undefined
        : revisionOf(claim) >= revisionOf(own.claim);
      if (caughtUp || !isSame(own.claim, claim)) entry.own = undefined;
    });
  }

  /** The informer says that it is gone. */
  forget(claim: ResourceClaim): void {
    this.#change(claim, (entry) => {
      if (entry.observed !== undefined && !isSame(entry.observed, claim)) return;
      entry.observed = undefined;
      entry.own = undefined;
    });
  }

  /** `claim` has devices from now on; they are going to be written. */
  reserve(claim: ResourceClaim): void {
    this.#change(claim, (entry) => (entry.own = { claim, pending: true }));
  }

  /** It was written: `claim` is what the API server answered. */
  confirm(claim: ResourceClaim): void {
    this.#change(claim, (entry) => {
      const { observed } = entry;
      // The informer was faster, or has something else of that name by now.
      const seen = observed === undefined || !isSame(observed, claim) || revisionOf(observed) >= revisionOf(claim);
      entry.own = seen ? undefined : { claim, pending: false };
    });
  }

  /** It will not be written: its devices are free again. */
  release(claim: ResourceClaim): void {
    this.#change(claim, (entry) => {
      if (entry.own?.pending === true && isSame(entry.own.claim, claim)) entry.own = undefined;
    });
  }

  /** The pod has the devices of this claim from now on; it is going to be made. */
  promise(uid: string, claim: ResourceClaim): void {
    this.breakPromise(uid);
    this.#unmade.set(uid, claim);
    if (claim.status?.allocation !== undefined) this.inUse.add(claim.status.allocation);
  }

  /** Nothing will be made of it, or it is made and to be seen. */
  breakPromise(uid: string): void {
    const allocation = this.#unmade.get(uid)?.status?.allocation;
    if (this.#unmade.delete(uid) && allocation !== undefined) this.inUse.remove(allocation);
  }

  #change(claim: ResourceClaim, change: (entry: Entry) => void): void {
    const key = namespacedName(claim);
    const entry = this.#entries.get(key) ?? { observed: undefined, own: undefined, counted: undefined };
    this.#entries.set(key, entry);
    change(entry);
    const now = entry.own?.claim ?? entry.observed;
    if (now !== entry.counted) {
      const pod = podOfExtendedClaim(claim);
      if (pod !== undefined) this.#extendedChanged(key, pod.uid, now);
      if (entry.counted?.status?.allocation !== undefined) this.inUse.remove(entry.counted.status.allocation);
      if (now?.status?.allocation !== undefined) this.inUse.add(now.status.allocation);
      entry.counted = now;
    }
    if (now === undefined) this.#entries.delete(key);
  }

  #extendedChanged(key: string, uid: string, now: ResourceClaim | undefined): void {
    if (now !== undefined) this.#extended.set(uid, key);
    else if (this.#extended.get(uid) === key) this.#extended.delete(uid);
    // Its devices are counted by itself from now on.
    if (now?.status?.allocation !== undefined) this.breakPromise(uid);
  }
}

function isSame(a: ResourceClaim, b: ResourceClaim): boolean {
  return a.metadata?.uid === b.metadata?.uid;
}

/** Revisions are the store's: they grow. */
function revisionOf({ metadata }: ResourceClaim): bigint {
  return BigInt(metadata?.resourceVersion ?? "0");
}
