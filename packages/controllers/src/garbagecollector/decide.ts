import type { OwnerReference } from "@knots/machinery";
import { FOREGROUND, ORPHAN } from "./graph.ts";

/** `waiting`: the owner is being deleted in the foreground and waits for its dependents. */
export type OwnerState = "solid" | "waiting" | "absent";

export type Decision =
  | { readonly action: "keep" }
  /** Take these references off: others still hold the object. */
  | { readonly action: "release"; readonly owners: readonly OwnerReference[] }
  /** `unblock`: its owners must not wait for it any more, or a circle of owners would wait for itself. */
  | { readonly action: "delete"; readonly policy: "Background" | "Foreground" | "Orphan"; readonly unblock?: boolean };

/** What becomes of an object with these owners (the rules of the garbage collection page). Pure. */
export function decide(
  owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[],
  object: { readonly finalizers: readonly string[]; readonly hasDependents: boolean; readonly dependentsWait: boolean },
): Decision {
  if (owners.length === 0) return { action: "keep" };
  const gone = owners.filter(({ state }) => state !== "solid");
  if (gone.length === 0) return { action: "keep" };
  if (gone.length < owners.length) return { action: "release", owners: gone.map(({ reference }) => reference) };
  const waiting = owners.some(({ state }) => state === "waiting");
  // Whoever waits for this object waits for what it owns as well.
  if (waiting && object.hasDependents)
    return { action: "delete", policy: "Foreground", ...(object.dependentsWait ? { unblock: true } : {}) };
  if (object.finalizers.includes(ORPHAN)) return { action: "delete", policy: "Orphan" };
  if (object.finalizers.includes(FOREGROUND)) return { action: "delete", policy: "Foreground" };
  return { action: "delete", policy: "Background" };
}
