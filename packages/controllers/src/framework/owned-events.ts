import type { Informer } from "@knots/client";
import { getControllerOf } from "@knots/machinery";
import type { KubeObject, OwnerReference } from "@knots/machinery";
import { semanticEqual } from "./equality.ts";
import { isBeingDeleted, sameController } from "./objects.ts";

/** How events of owned objects (pods, ReplicaSets, …) become work for their owners. */
export interface OwnedEvents<T extends KubeObject, Owner extends KubeObject> {
  readonly informer: Informer<T>;
  /** The owner of that reference, or undefined when it is of another kind, gone, or another one of the same name. */
  resolve(ref: OwnerReference, namespace: string): Owner | undefined;
  /** Owners whose selector matches an object that nobody owns. */
  mayAdopt(object: T): Iterable<Owner>;
  added(owner: Owner, object: T): void;
  updated(owner: Owner, object: T, old: T): void;
  /** Deleted, or marked for deletion (then `gone` is false, and the call may repeat). */
  deleted(owner: Owner, object: T, gone: boolean): void;
  /** The owner should look again for another reason: an orphan it may adopt, or an object it lost. */
  changed(owner: Owner): void;
}

/** Subscribes `events` to its informer. An object on its way out counts as deleted as soon as it is marked. */
export function watchOwned<T extends KubeObject, Owner extends KubeObject>(events: OwnedEvents<T, Owner>): Disposable {
  const ownerOf = (object: T): Owner | undefined => {
    const ref = getControllerOf(object);
    return ref === undefined ? undefined : events.resolve(ref, object.metadata?.namespace ?? "");
  };
  const deleted = (object: T, gone: boolean): void => {
    const owner = ownerOf(object);
    if (owner !== undefined) events.deleted(owner, object, gone);
  };
  const orphaned = (object: T): void => {
    for (const owner of events.mayAdopt(object)) events.changed(owner);
  };
  return events.informer.addHandler({
    add(object) {
      // Seen first after a restart: it may be on its way out already, and then fulfils no expected creation.
      if (isBeingDeleted(object)) deleted(object, false);
      else if (getControllerOf(object) === undefined) orphaned(object);
      else {
        const owner = ownerOf(object);
        if (owner !== undefined) events.added(owner, object);
      }
    },
    update(old, object) {
      if (old.metadata?.resourceVersion === object.metadata?.resourceVersion) return;
      const labelsChanged = !semanticEqual(old.metadata?.labels, object.metadata?.labels);
      if (isBeingDeleted(object)) {
        deleted(object, false);
        if (labelsChanged) deleted(old, false);
        return;
      }
      const oldRef = getControllerOf(old);
      const ref = getControllerOf(object);
      const refChanged = !sameController(oldRef, ref);
      if (refChanged && oldRef !== undefined) {
        const lost = ownerOf(old);
        if (lost !== undefined) events.changed(lost);
      }
      if (ref !== undefined) {
        const owner = ownerOf(object);
        if (owner !== undefined) events.updated(owner, object, old);
      } else if (labelsChanged || refChanged) orphaned(object);
    },
    delete(object) {
      deleted(object, true);
    },
  });
}

/** Finds the owner a reference means: same kind, and the same uid as the object of that name in the cache. */
export function resolveOwner<Owner extends KubeObject>(
  ref: OwnerReference,
  namespace: string,
  kind: string,
  get: (key: string) => Owner | undefined,
): Owner | undefined {
  if (ref.kind !== kind) return undefined;
  const owner = get(`${namespace}/${ref.name}`);
  return owner?.metadata?.uid === ref.uid ? owner : undefined;
}
