import type { NamespaceCondition } from "@knots/api/core/v1";

/** What one pass over a namespace's content found. */
export interface ContentReport {
  readonly discoveryErrors: readonly string[];
  readonly deletionErrors: readonly string[];
  /** Instances left by resource, as `pods.` or `deployments.apps`. */
  readonly remaining: ReadonlyMap<string, number>;
  /** Instances left by finalizer. */
  readonly finalizers: ReadonlyMap<string, number>;
}

type Row = readonly [
  type: string,
  bad: boolean,
  badReason: string,
  badMessage: string,
  good: string,
  goodMessage: string,
];

/** The conditions of a namespace that goes, in upstream's words; those that stay as they are keep their time. Pure. */
export function terminationConditions(
  report: ContentReport,
  current: readonly NamespaceCondition[],
  now: string,
): NamespaceCondition[] {
  const list = (counts: ReadonlyMap<string, number>, word: string): string =>
    [...counts]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${word} ${count} resource instances`)
      .join(", ");
  const rows: Row[] = [
    [
      "NamespaceDeletionDiscoveryFailure",
      report.discoveryErrors.length > 0,
      "DiscoveryFailed",
      `Discovery failed for some groups, ${report.discoveryErrors.length} failing: ${report.discoveryErrors.join(", ")}`,
      "ResourcesDiscovered",
      "All resources successfully discovered",
    ],
    [
      "NamespaceDeletionGroupVersionParsingFailure",
      false,
      "GroupVersionParsingFailed",
      "",
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ],
    [
      "NamespaceDeletionContentFailure",
      report.deletionErrors.length > 0,
      "ContentDeletionFailed",
      `Failed to delete all resource types, ${report.deletionErrors.length} remaining: ${report.deletionErrors.join(", ")}`,
      "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization",
    ],
    [
      "NamespaceContentRemaining",
      report.remaining.size > 0,
      "SomeResourcesRemain",
      `Some resources are remaining: ${list(report.remaining, "has")}`,
      "ContentRemoved",
      "All content successfully removed",
    ],
    [
      "NamespaceFinalizersRemaining",
      report.finalizers.size > 0,
      "SomeFinalizersRemain",
      `Some content in the namespace has finalizers remaining: ${list(report.finalizers, "in")}`,
      "ContentHasNoFinalizers",
      "All content-preserving finalizers finished",
    ],
  ];
  const own = rows.map(([type, bad, badReason, badMessage, good, goodMessage]): NamespaceCondition => {
    const status = bad ? "True" : "False";
    const old = current.find((each) => each.type === type);
    return {
      type,
      status,
      reason: bad ? badReason : good,
      message: bad ? badMessage : goodMessage,
      lastTransitionTime: old?.status === status && old.lastTransitionTime !== undefined ? old.lastTransitionTime : now,
    };
  });
  return [...current.filter((each) => !own.some(({ type }) => type === each.type)), ...own];
}
