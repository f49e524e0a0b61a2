import type { Selector } from "@knots/machinery";
import { getControllerOf, isInvalid, isNotFound } from "@knots/machinery";
import type { KubeObject, OwnerReference } from "@knots/machinery";
import type { ResourceClient } from "@knots/client";
import { isBeingDeleted, metaOf } from "./objects.ts";

export interface RefManagerOptions<T extends KubeObject> {
  /** The owner that claims; only its metadata is read. */
  readonly owner: KubeObject;
  readonly controllerRef: OwnerReference;
  readonly selector: Selector;
  /** Finalizers put on what is adopted and taken from what is released. */
  readonly finalizers?: readonly string[];
  /** Client of the claimed type in the owner's namespace. */
  readonly client: Pick<ResourceClient<T>, "patch">;
  /** Live read of the owner: the cache may not know yet that it was deleted or made anew. */
  getLiveOwner(): Promise<KubeObject>;
}

/** What becomes of an object that an owner may claim. */
export type ClaimDecision = "keep" | "ignore" | "adopt" | "release";

/**
 * Upstream's rules of ownership: an owner keeps what it owns and selects, releases what it owns and no longer selects, and
 * adopts what nobody owns and it selects. An owner on its way out neither adopts nor releases.
 */
export function decideClaim(object: KubeObject, owner: KubeObject, matches: boolean): ClaimDecision {
  const controllerRef = getControllerOf(object);
  if (controllerRef !== undefined) {
    if (controllerRef.uid !== owner.metadata?.uid) return "ignore";
    if (matches) return "keep";
    return isBeingDeleted(owner) ? "ignore" : "release";
  }
  if (isBeingDeleted(owner) || !matches || isBeingDeleted(object)) return "ignore";
  if ((object.metadata?.namespace ?? "") !== (owner.metadata?.namespace ?? "")) return "ignore";
  return "adopt";
}

/**
 * Reconciles ownership of `objects` and returns those that belong to the owner afterwards.
 * Throws the first error after all objects were tried; an object that is gone meanwhile is no error.
 */
export async function claimObjects<T extends KubeObject>(
  objects: readonly T[],
  options: RefManagerOptions<T>,
  accepts: (object: T) => boolean = () => true,
): Promise<T[]> {
  let liveOwner: Promise<void> | undefined;
  const canAdopt = (): Promise<void> => (liveOwner ??= checkLiveOwner(options));
  const claimed: T[] = [];
  let firstError: unknown;
  for (const object of objects) {
    const matches = options.selector.matches(object.metadata?.labels ?? {}) && accepts(object);
    const decision = decideClaim(object, options.owner, matches);
    try {
      if (decision === "keep") claimed.push(object);
      else if (decision === "release") await release(object, options);
      else if (decision === "adopt") {
        await canAdopt();
        if (await adopt(object, options)) claimed.push(object);
      }
    } catch (error) {
      firstError ??= error;
    }
  }
  if (firstError !== undefined) throw firstError;
  return claimed;
}

async function checkLiveOwner<T extends KubeObject>(options: RefManagerOptions<T>): Promise<void> {
  const owner = metaOf(options.owner);
  const live = metaOf(await options.getLiveOwner());
  const name = `${owner.namespace}/${owner.name}`;
  if (live.uid !== owner.uid) {
    throw new Error(`original ${options.controllerRef.kind} ${name} is gone: got uid ${live.uid}, wanted ${owner.uid}`);
  }
  if (live.deletionTimestamp !== undefined)
    throw new Error(`${name} has just been deleted at ${live.deletionTimestamp}`);
}

async function adopt<T extends KubeObject>(object: T, options: RefManagerOptions<T>): Promise<boolean> {
  const meta = metaOf(object);
  const patch = {
    metadata: {
      uid: meta.uid, // a precondition: another object of this name must not be adopted
      ownerReferences: [options.controllerRef],
      ...(options.finalizers?.length ? { finalizers: options.finalizers } : {}),
    },
  };
  try {
    await options.client.patch(meta.name, patch, { type: "strategic" });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function release<T extends KubeObject>(object: T, options: RefManagerOptions<T>): Promise<void> {
  const meta = metaOf(object);
  const patch = {
    metadata: {
      uid: meta.uid,
      ownerReferences: [{ $patch: "delete", uid: options.controllerRef.uid }],
      ...(options.finalizers?.length ? { "$deleteFromPrimitiveList/finalizers": options.finalizers } : {}),
    },
  };
  try {
    await options.client.patch(meta.name, patch, { type: "strategic" });
  } catch (error) {
    // Gone, or (Invalid) no longer ours: either way there is nothing left to release.
    if (!isNotFound(error) && !isInvalid(error)) throw error;
  }
}
