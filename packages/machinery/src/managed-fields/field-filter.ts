import { FieldSet, fieldPath } from "./field-set.ts";
import type { PathElement } from "./path-element.ts";
import type { Comparison } from "./compare.ts";

/** What of a set counts: fields that a write resets or ignores are nobody's. */
export type FieldFilter = (set: FieldSet) => FieldSet;

export const everyField: FieldFilter = (set) => set;

/** Without these fields and all below them; each is a list of names. */
export function withoutFields(...fields: readonly (readonly string[])[]): FieldFilter {
  const excluded = FieldSet.of(...fields.map((names) => fieldPath(...names)));
  return (set) => set.recursiveDifference(excluded);
}

/** Only these fields and all below them; "*" stands for any one step. */
export function onlyFields(...patterns: readonly (readonly string[])[]): FieldFilter {
  return (set) => keep(set, patterns);
}

function keep(set: FieldSet, patterns: readonly (readonly string[])[]): FieldSet {
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of set.children) {
    const below: (readonly string[])[] = [];
    for (const [first, ...rest] of patterns) if (first === "*" || element === `f:${first}`) below.push(rest);
    if (below.length === 0) continue;
    const kept = below.some((rest) => rest.length === 0) ? child : keep(child, below);
    if (!kept.isEmpty) children.set(element, kept);
  }
  return new FieldSet(false, children);
}

/** The comparison as far as the filter lets it through. */
export function filterComparison({ added, modified, removed }: Comparison, filter: FieldFilter): Comparison {
  return { added: filter(added), modified: filter(modified), removed: filter(removed) };
}

const STRIPPED = FieldSet.of(
  fieldPath("apiVersion"),
  fieldPath("kind"),
  fieldPath("metadata"),
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((name) => fieldPath("metadata", name)),
);

/** Without what identifies an object or is the server's: nobody owns that. */
export function stripSystemFields(set: FieldSet): FieldSet {
  return set.difference(STRIPPED);
}
