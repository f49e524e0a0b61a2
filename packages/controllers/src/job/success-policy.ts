import type { Job } from "@knots/api/batch/v1";
import { IndexSet } from "./indexes.ts";

/** The message of the first rule of spec.successPolicy that the succeeded indexes fulfil. */
export function matchSuccessPolicy(job: Job, succeeded: IndexSet): string | undefined {
  const completions = job.spec?.completions ?? 0;
  for (const [index, rule] of (job.spec?.successPolicy?.rules ?? []).entries()) {
    const required =
      rule.succeededIndexes === undefined ? undefined : IndexSet.parse(rule.succeededIndexes, completions);
    const got = required === undefined ? succeeded.size : [...required].filter((i) => succeeded.has(i)).length;
    const wanted = rule.succeededCount ?? required?.size;
    if (wanted !== undefined && got >= wanted) return `Matched rules at index ${index}`;
  }
  return undefined;
}
