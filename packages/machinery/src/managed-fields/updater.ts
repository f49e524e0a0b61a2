// Who owns what after a write: the rules of structured merge, over several versions of one object.
import type { KubeObject } from "../object.ts";
import { compare } from "./compare.ts";
import type { Comparison } from "./compare.ts";
import type { Conflict } from "./conflicts.ts";
import { filterComparison } from "./field-filter.ts";
import type { FieldFilter } from "./field-filter.ts";
import type { FieldSet } from "./field-set.ts";
import type { Managed, ManagedSet } from "./managed.ts";
import { merge } from "./merge.ts";
import { prune } from "./prune.ts";
import { toFieldSet } from "./to-field-set.ts";
import { equalValues } from "./typed.ts";
import type { Typing } from "./typed.ts";

/** The versions of a resource, as far as ownership is concerned. */
export interface TypedVersions {
  /** Undefined for a version that is no longer there: what was owned in it is forgotten. */
  typing(apiVersion: string): Typing | undefined;
  /** The object in a version that `typing` knows; itself when it is in that version already. Never changes it. */
  convert(object: KubeObject, apiVersion: string): KubeObject;
  /** The fields that a write of this kind can set. */
  filter(apiVersion: string): FieldFilter;
}

/** What changes for each version between two states; each version is compared once. */
export class Changes {
  readonly #before: KubeObject;
  readonly #after: KubeObject;
  readonly #versions: TypedVersions;
  readonly #known = new Map<string, Comparison | undefined>();

  constructor(before: KubeObject, after: KubeObject, versions: TypedVersions) {
    this.#before = before;
    this.#after = after;
    this.#versions = versions;
  }

  /** Undefined for a version that is not there. Throws TypedError. */
  in(apiVersion: string): Comparison | undefined {
    if (this.#known.has(apiVersion)) return this.#known.get(apiVersion);
    const typing = this.#versions.typing(apiVersion);
    const comparison = typing === undefined ? undefined : this.#compare(apiVersion, typing);
    this.#known.set(apiVersion, comparison);
    return comparison;
  }

  #compare(apiVersion: string, typing: Typing): Comparison {
    const filter = this.#versions.filter(apiVersion);
    const before = counted(this.#versions.convert(this.#before, apiVersion), filter);
    const after = counted(this.#versions.convert(this.#after, apiVersion), filter);
    const comparison = compare(before, after, typing);
    return filter.topLevelOnly === true ? comparison : filterComparison(comparison, filter);
  }
}

/** The object without what is not looked at: a write of status need not walk through the spec. */
function counted(object: KubeObject, { topLevel }: FieldFilter): KubeObject {
  const { managedFields: _fields, ...metadata } = object.metadata ?? {};
  const result = { ...object, metadata } as KubeObject & Record<string, unknown>;
  if (topLevel !== undefined) for (const name of topLevel) delete result[name];
  return result;
}

/**
 * Takes from everybody but `self` what changed. Without `force`, gives back the conflicts instead when somebody owns
 * what would change.
 */
export function takeChanged(
  managed: Managed,
  changes: Changes,
  self: string | undefined,
  force: boolean,
): { managed: Managed } | { conflicts: Conflict[] } {
  const conflicts: Conflict[] = [];
  const result: Managed = new Map();
  for (const [id, entry] of managed) {
    if (id === self) {
      result.set(id, entry);
      continue;
    }
    const comparison = changes.in(entry.apiVersion);
    if (comparison === undefined) continue;
    const { added, modified, removed } = comparison;
    const contested = entry.set.intersection(modified.union(added));
    if (!contested.isEmpty) conflicts.push({ manager: entry, fields: contested });
    const rest = entry.set.difference(contested).difference(removed);
    if (rest === entry.set) result.set(id, entry);
    else if (!rest.isEmpty) result.set(id, { ...entry, set: rest });
  }
  const own = self === undefined ? undefined : result.get(self);
  if (self !== undefined && own?.set.isEmpty === true) result.delete(self);
  return !force && conflicts.length > 0 ? { conflicts } : { managed: result };
}

export type Applied =
  | { conflicts: Conflict[] }
  /** `object` is undefined when applying changed nothing. */
  | { object: KubeObject | undefined; managed: Managed };

/** Merges a configuration into an object of the same version. `id` is the applier's. Throws TypedError. */
export function applyMerge(
  live: KubeObject,
  config: KubeObject,
  { id, applier, managed, force }: { id: string; applier: Omit<ManagedSet, "set">; managed: Managed; force: boolean },
  versions: TypedVersions,
): Applied {
  const { apiVersion } = applier;
  const typing = versions.typing(apiVersion);
  if (typing === undefined) throw new Error(`no schema for ${apiVersion}`);
  const merged = merge(live, config, typing) as KubeObject;
  const last = managed.get(id);
  const set: FieldSet = versions.filter(apiVersion)(toFieldSet(config, typing));
  const claimed: Managed = new Map(managed).set(id, { ...applier, set });
  const next = prune(merged, apiVersion, claimed, last, versions);
  const taken = takeChanged(claimed, new Changes(live, next, versions), id, force);
  if ("conflicts" in taken) return taken;
  return { object: equalValues(live, next) ? undefined : next, managed: taken.managed };
}
