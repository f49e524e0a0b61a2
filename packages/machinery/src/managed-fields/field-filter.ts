import { FieldSet, fieldPath } from "./field-set.ts";
import type { PathElement } from "./path-element.ts";
import type { Comparison } from "./compare.ts";

/** What of a set counts: fields that a write resets or ignores are nobody's. */
export interface FieldFilter {
  (set: FieldSet): FieldSet;
  /** Top-level fields that the filter takes away with all below them: they need not be looked at. */
  readonly topLevel?: ReadonlySet<string>;
  /** It takes away nothing else. */
  readonly topLevelOnly?: boolean;
}

export const everyField: FieldFilter = Object.assign((set: FieldSet) => set, {
  topLevel: new Set<string>(),
  topLevelOnly: true,
});

/** Without these fields and all below them; each is a list of names. */
export function withoutFields(...fields: readonly (readonly string[])[]): FieldFilter {
  const excluded = FieldSet.of(...fields.map((names) => fieldPath(...names)));
  const topLevel = fields.filter((names) => names.length === 1).flat();
  return Object.assign((set: FieldSet) => set.recursiveDifference(excluded), {
    topLevel: new Set(topLevel),
    topLevelOnly: topLevel.length === fields.length,
  });
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
