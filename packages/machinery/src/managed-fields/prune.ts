import type { KubeObject } from "../object.ts";
import type { FieldSet } from "./field-set.ts";
import { EMPTY_SET } from "./field-set.ts";
import type { Managed, ManagedSet } from "./managed.ts";
import { removeFields } from "./remove.ts";
import { toFieldSet, withNamedFields } from "./to-field-set.ts";
import type { TypedVersions } from "./updater.ts";
import type { Typing } from "./typed.ts";

/**
 * Removes what the applier owned the last time, did not apply this time and nobody else owns. `managed` holds what the
 * applier claims now. Throws TypedError.
 */
export function prune(
  merged: KubeObject,
  apiVersion: string,
  managed: Managed,
  last: ManagedSet | undefined,
  versions: TypedVersions,
): KubeObject {
  if (last === undefined || last.set.isEmpty) return merged;
  const typing = versions.typing(last.apiVersion);
  if (typing === undefined) return merged;
  const before = versions.convert(merged, last.apiVersion);
  let pruned = without(before, withNamedFields(last.set, typing), typing);
  pruned = addBackOwned(before, pruned, last.apiVersion, managed, versions);
  pruned = addBackDangling(before, versions.convert(pruned, last.apiVersion), last.set, typing);
  return versions.convert(pruned, apiVersion);
}

/** Puts back what anybody owns, the applier's new configuration included; the pruned version first. */
function addBackOwned(
  merged: KubeObject,
  pruned: KubeObject,
  prunedVersion: string,
  managed: Managed,
  versions: TypedVersions,
): KubeObject {
  const owned = new Map<string, FieldSet>();
  for (const { apiVersion, set } of managed.values()) {
    owned.set(apiVersion, (owned.get(apiVersion) ?? EMPTY_SET).union(set));
  }
  const order = [prunedVersion, ...Array.from(owned.keys()).filter((version) => version !== prunedVersion)];
  let result = pruned;
  for (const version of order) {
    const set = owned.get(version);
    const typing = versions.typing(version);
    if (set === undefined || typing === undefined) continue;
    const all = versions.convert(merged, version);
    const kept = namedFieldsOf(versions.convert(result, version), typing).union(withNamedFields(set, typing));
    result = without(all, namedFieldsOf(all, typing).difference(kept), typing);
  }
  return result;
}

/** Puts back what was not the applier's. */
function addBackDangling(merged: KubeObject, pruned: KubeObject, last: FieldSet, typing: Typing): KubeObject {
  const gone = namedFieldsOf(merged, typing).difference(namedFieldsOf(pruned, typing));
  return without(merged, gone.intersection(withNamedFields(last, typing)), typing);
}

function namedFieldsOf(object: KubeObject, typing: Typing): FieldSet {
  return withNamedFields(toFieldSet(object, typing), typing);
}

function without(object: KubeObject, fields: FieldSet, typing: Typing): KubeObject {
  return removeFields(object, fields, typing) as KubeObject;
}
