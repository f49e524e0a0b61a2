import { cloneJson, formatTime, newConflict } from "@knots/machinery";
import type { DeletionRequest, Strategy, StrategyContext } from "../strategies/types.ts";
import type { StoredObject } from "./metadata.ts";

/** DeleteOptions as read from the body or the query. */
export interface DeleteOptions extends DeletionRequest {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: readonly string[];
}

/** What a deletion means for an object in its current state. */
export type DeletionDecision =
  | { readonly action: "remove" }
  /** Graceful deletion or finalizers: the object stays for now, changed like this. */
  | { readonly action: "update"; readonly next: StoredObject }
  /** Already being deleted at least as fast as asked. */
  | { readonly action: "nothing" };

const ORPHAN = "orphan";
const FOREGROUND = "foregroundDeletion";
/** Kinds older than garbage collection: without a word from the client their dependents stay. */
const ORPHANS_BY_DEFAULT = new Set(["batch/v1/Job", "v1/ReplicationController"]);

/** Throws a Conflict when the object is not the one, or not in the state, that the caller meant (upstream: BeforeDelete). */
export function checkPreconditions(
  { group, kind }: { readonly group: string; readonly kind: string },
  object: StoredObject,
  preconditions: DeleteOptions["preconditions"],
): void {
  const { name = "", uid = "", resourceVersion = "" } = object.metadata;
  // Upstream names the kind here, where it names the resource elsewhere.
  const refuse = (why: string): Error => newConflict({ group, resource: kind }, name, why);
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw refuse(
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    throw refuse(
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}

/** The Conflict of a write that meant another object, or another state of it, than is there (`found` "": there is none). */
export function preconditionFailed(
  info: { readonly group: string; readonly resource: string },
  name: string,
  key: string,
  field: "UID" | "ResourceVersion",
  meant: string,
  found: string,
): Error {
  return newConflict(
    info,
    name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${field} in precondition: ${meant}, ${field} in object meta: ${found}`,
  );
}

/**
 * Decides what DELETE does (upstream: BeforeDelete and deletionFinalizersForGarbageCollection): finalizers by
 * propagation policy, graceful deletion by the strategy. Pure; `object` is not changed.
 */
export function decideDeletion(
  object: StoredObject,
  options: DeleteOptions,
  strategy: Strategy,
  ctx: StrategyContext,
): DeletionDecision {
  const finalizers = finalizersFor(object, options);
  const graceful = strategy.gracefulDeletion?.(object, options, ctx);
  const { metadata } = object;
  const finalizersChanged = !sameList(finalizers, metadata.finalizers ?? []);
  // A namespace keeps its own list of finalizers in its spec.
  const held = finalizers.length > 0 || specFinalizers(object).length > 0;
  const grace = graceful?.graceSeconds ?? 0;

  if (metadata.deletionTimestamp !== undefined) {
    const current = metadata.deletionGracePeriodSeconds ?? 0;
    if (graceful !== undefined && current > 0) {
      // Grace periods only ever get shorter, and without a period in the request they stay.
      if (options.gracePeriodSeconds === undefined || grace >= current) {
        return finalizersChanged ? { action: "update", next: change(object, finalizers, {}) } : { action: "nothing" };
      }
      if (grace > 0 || held) {
        const until = Date.parse(metadata.deletionTimestamp) - (current - grace) * 1000;
        return {
          action: "update",
          next: change(object, finalizers, { deletionTimestamp: formatTime(new Date(until)), grace }),
        };
      }
      return { action: "remove" };
    }
    if (held) {
      return finalizersChanged ? { action: "update", next: change(object, finalizers, {}) } : { action: "nothing" };
    }
    return { action: "remove" };
  }
  if (grace > 0 || held) {
    const next = change(object, finalizers, {
      deletionTimestamp: formatTime(new Date(ctx.now + grace * 1000)),
      grace,
    });
    if ((next.metadata.generation ?? 0) > 0) next.metadata.generation = (next.metadata.generation ?? 0) + 1;
    return { action: "update", next };
  }
  return { action: "remove" };
}

/** True when an update leaves an object that is being deleted with nothing to wait for any more. */
export function isFinished(object: StoredObject): boolean {
  const { metadata } = object;
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    (metadata.finalizers ?? []).length === 0 &&
    specFinalizers(object).length === 0
  );
}

function specFinalizers(object: StoredObject): readonly string[] {
  if (object.kind !== "Namespace") return [];
  return (object as { spec?: { finalizers?: string[] } }).spec?.finalizers ?? [];
}

function finalizersFor(object: StoredObject, options: DeleteOptions): string[] {
  const current = object.metadata.finalizers ?? [];
  let orphan = false;
  let foreground = false;
  if (options.orphanDependents !== undefined) {
    orphan = options.orphanDependents;
  } else if (options.propagationPolicy !== undefined) {
    orphan = options.propagationPolicy === "Orphan";
    foreground = options.propagationPolicy === "Foreground";
  } else {
    orphan = current.includes(ORPHAN) || ORPHANS_BY_DEFAULT.has(`${object.apiVersion}/${object.kind}`);
    foreground = current.includes(FOREGROUND);
  }
  const kept = current.filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND);
  if (orphan) kept.push(ORPHAN);
  if (foreground) kept.push(FOREGROUND);
  return sameMembers(kept, current) ? [...current] : kept;
}

function change(
  object: StoredObject,
  finalizers: readonly string[],
  deletion: { deletionTimestamp?: string; grace?: number },
): StoredObject {
  const next = cloneJson(object);
  if (finalizers.length > 0) next.metadata.finalizers = [...finalizers];
  else delete next.metadata.finalizers;
  if (deletion.deletionTimestamp !== undefined) next.metadata.deletionTimestamp = deletion.deletionTimestamp;
  if (deletion.grace !== undefined) next.metadata.deletionGracePeriodSeconds = deletion.grace;
  if (next.kind === "Namespace") {
    const namespace = next as StoredObject & { status?: { phase?: string } };
    namespace.status = { ...namespace.status, phase: "Terminating" };
  }
  return next;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value) => b.includes(value));
}
