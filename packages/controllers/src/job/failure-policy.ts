import type { Job, PodFailurePolicyRule } from "@knots/api/batch/v1";
import type { ContainerStatus, Pod } from "@knots/api/core/v1";
import { isPodFailed } from "./pods.ts";

export interface FailureVerdict {
  /** Whether the failure counts against a back-off limit. */
  readonly counts: boolean;
  /** The action of the first rule that matched. */
  readonly action?: string;
  /** Why the whole Job fails, with action FailJob. */
  readonly failJob?: string;
}

/** What spec.podFailurePolicy says of a failed pod: the first matching rule; without one the failure counts. */
export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  const rules = job.spec?.podFailurePolicy?.rules ?? [];
  for (const [index, rule] of rules.entries()) {
    const match = matchRule(rule, pod);
    if (match === undefined) continue;
    switch (rule.action) {
      case "Ignore":
        return { counts: false, action: rule.action };
      case "FailIndex":
        if (job.spec?.backoffLimitPerIndex === undefined) continue;
        return { counts: true, action: rule.action };
      case "Count":
        return { counts: true, action: rule.action };
      case "FailJob":
        return { counts: true, action: rule.action, failJob: `${match} matching FailJob rule at index ${index}` };
      default:
        continue; // a newer server's action: fall through to the rules this version knows
    }
  }
  return { counts: true };
}

/** The message of the first failed pod by which the whole Job fails. */
export function failJobMessage(job: Job, pods: readonly Pod[]): string | undefined {
  if (job.spec?.podFailurePolicy === undefined) return undefined;
  for (const pod of pods) {
    if (!isPodFailed(pod, job)) continue;
    const { failJob } = judgeFailure(job, pod);
    if (failJob !== undefined) return failJob;
  }
  return undefined;
}

/** The words for what matched, or undefined. */
function matchRule(rule: PodFailurePolicyRule, pod: Pod): string | undefined {
  const name = `${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""}`;
  if (rule.onExitCodes !== undefined) {
    const status = matchExitCodes(rule.onExitCodes, pod);
    if (status === undefined) return undefined;
    return `Container ${status.name} for pod ${name} failed with exit code ${status.state?.terminated?.exitCode}`;
  }
  const patterns = rule.onPodConditions ?? [];
  const condition = pod.status?.conditions?.find(({ type, status }) =>
    patterns.some((pattern) => pattern.type === type && (pattern.status ?? "True") === status),
  );
  return condition === undefined ? undefined : `Pod ${name} has condition ${condition.type}`;
}

function matchExitCodes(
  requirement: NonNullable<PodFailurePolicyRule["onExitCodes"]>,
  pod: Pod,
): ContainerStatus | undefined {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return statuses.find((status) => {
    const exitCode = status.state?.terminated?.exitCode;
    // A container that ended well is never a reason for a failure, whatever NotIn says.
    if (exitCode === undefined || exitCode === 0) return false;
    if (requirement.containerName !== undefined && requirement.containerName !== status.name) return false;
    const listed = requirement.values.includes(exitCode);
    return requirement.operator === "In" ? listed : requirement.operator === "NotIn" && !listed;
  });
}
