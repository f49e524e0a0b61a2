import { FieldSet, fieldPath } from "./field-set.ts";
import type { PathElement } from "./path-element.ts";
import type { Comparison } from "./compare.ts";

/** What of a set counts: fields that a write resets or ignores are nobody's. */
export interface FieldFilter {
  (set: FieldSet): FieldSet;
  /** What the filter takes away, where that is top-level fields and nothing else. */
  readonly topLevel?: ReadonlySet<string>;
}

export const everyField: FieldFilter = Object.assign((set: FieldSet) => set, { topLevel: new Set<string>() });

/** Without these fields and all below them; each is a list of names. */
export function withoutFields(...fields: readonly (readonly string[])[]): FieldFilter {
  const excluded = FieldSet.of(...fields.map((names) => fieldPath(...names)));
  const filter = (set: FieldSet): FieldSet => set.recursiveDifference(excluded);
  if (fields.some((names) => names.length > 1)) return filter;
  return Object.assign(filter, { topLevel: new Set(fields.flat()) });
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

/** Parts of metadata that identify an object or are the server's. */
export const STRIPPED_METADATA: ReadonlySet<string> = new Set([
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "clusterName",
  "generation",
  "managedFields",
  "resourceVersion",
]);

const STRIPPED = FieldSet.of(
  fieldPath("apiVersion"),
  fieldPath("kind"),
  fieldPath("metadata"),
  ...Array.from(STRIPPED_METADATA, (name) => fieldPath("metadata", name)),
);

/** Without what nobody owns. */
export function stripSystemFields(set: FieldSet): FieldSet {
  return set.difference(STRIPPED);
}
