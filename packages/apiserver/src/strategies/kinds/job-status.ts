// What a Job's status may say (upstream: validateJobStatus, ValidateJobStatusUpdate and getStatusValidationOptions). Other
// controllers than the cluster's may write it (managedBy), and clients must be able to rely on it all the same.
import type { Job, JobStatus } from "@knots/api/batch/v1";
import { OMITTED } from "@knots/machinery";
import { semanticEqual } from "../equality.ts";
import { duplicate, FieldPath, invalid, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import { nonNegativeFields } from "../validation/numbers.ts";
import { commonIndex, countIndexes } from "./job-indexes.ts";

const STATUS = FieldPath.root("status");
const TERMINAL = ["Failed", "Complete", "FailureTarget"] as const;

type ConditionType = (typeof TERMINAL)[number] | "SuccessCriteriaMet" | "Suspended";

/** What is asked of a status again and again. */
interface Facts {
  readonly status: JobStatus;
  readonly complete: boolean;
  readonly failed: boolean;
  readonly finished: boolean;
  readonly failureTarget: boolean;
  readonly successCriteriaMet: boolean;
}

function hasCondition({ status }: Job, type: ConditionType, value: "True" | "False"): boolean {
  return (status?.conditions ?? []).some((condition) => condition.type === type && condition.status === value);
}

/** Suspended, as the controller has noticed. */
export const isMarkedSuspended = (job: Job): boolean => hasCondition(job, "Suspended", "True");

function factsOf(job: Job): Facts {
  const is = (type: ConditionType): boolean => hasCondition(job, type, "True");
  const [complete, failed] = [is("Complete"), is("Failed")];
  return {
    status: job.status ?? {},
    complete,
    failed,
    finished: complete || failed,
    failureTarget: is("FailureTarget"),
    successCriteriaMet: is("SuccessCriteriaMet"),
  };
}

/** Times are told apart by the second. */
const seconds = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : Math.floor(Date.parse(time) / 1000);

/**
 * Most rules are kept only by what a write changes: a status that broke one before, or by a change of the spec, must not
 * stand in the way of other writes.
 */
export function validateJobStatusUpdate(next: Job, old: Job): FieldError[] {
  const errors: FieldError[] = [];
  const [now, then] = [factsOf(next), factsOf(old)];
  const { status } = now;
  nonNegativeFields(status, ["active", "succeeded", "failed", "ready", "terminating"], STATUS, errors);
  validateUncounted(status, errors);
  validateOutcome(now, then, errors);
  validateFinished(next, now, then, errors);
  validateIndexes(next, now, then, errors);
  const changed = changes(now, then);
  if (now.finished && (!then.finished || changed("terminating")) && (status.terminating ?? 0) > 0)
    errors.push(invalid(STATUS.child("terminating"), status.terminating, "terminating>0 is invalid for finished job"));
  if ((changed("ready") || changed("active")) && status.ready !== undefined && status.ready > (status.active ?? 0))
    errors.push(invalid(STATUS.child("ready"), status.ready, "cannot set more ready pods than active"));
  validateSuccessCriteria(next, now, errors);
  validateTransition(next, old, now, then, errors);
  return errors;
}

function changes({ status }: Facts, { status: before }: Facts) {
  return (field: "active" | "ready" | "terminating" | "completedIndexes" | "failedIndexes"): boolean => {
    const empty = field === "active" ? 0 : field === "completedIndexes" ? "" : undefined;
    return (status[field] ?? empty) !== (before[field] ?? empty);
  };
}

function conditionsError(detail: string): FieldError {
  return invalid(STATUS.child("conditions"), OMITTED, detail);
}

function validateUncounted({ uncountedTerminatedPods }: JobStatus, errors: FieldError[]): void {
  const seen = new Set<string>();
  for (const list of ["succeeded", "failed"] as const) {
    for (const [index, uid] of (uncountedTerminatedPods?.[list] ?? []).entries()) {
      const path = STATUS.child("uncountedTerminatedPods").child(list).index(index);
      if (uid === "") errors.push(invalid(path, uid, "must not be empty"));
      else if (seen.has(uid)) errors.push(duplicate(path, uid));
      seen.add(uid);
    }
  }
}

/** How it ended, and when. */
function validateOutcome(now: Facts, then: Facts, errors: FieldError[]): void {
  const { status, complete, failed } = now;
  const { startTime, completionTime } = status;
  const completeChanged = complete !== then.complete;
  const failedChanged = failed !== then.failed;
  const start = seconds(startTime);
  const end = seconds(completionTime);
  const endChanged = end !== seconds(then.status.completionTime);
  const path = STATUS.child("completionTime");
  if ((completeChanged || failedChanged) && complete && failed)
    errors.push(conditionsError("cannot set Complete=True and Failed=true conditions"));
  if ((completeChanged || now.failureTarget !== then.failureTarget) && complete && now.failureTarget)
    errors.push(conditionsError("cannot set Complete=True and FailureTarget=true conditions"));
  if (completeChanged || endChanged) {
    if (end !== undefined && !complete) {
      const why = "cannot set completionTime when there is no Complete=True condition";
      errors.push(invalid(path, completionTime, why));
    }
    if (end === undefined && complete) errors.push(required(path, "completionTime is required for Complete jobs"));
  }
  if (
    (endChanged || start !== seconds(then.status.startTime)) &&
    start !== undefined &&
    end !== undefined &&
    end < start
  )
    errors.push(invalid(path, completionTime, "completionTime cannot be set before startTime"));
  const failedIndexesChanged = changes(now, then)("failedIndexes");
  if ((failedChanged || failedIndexesChanged) && failed && !now.failureTarget)
    errors.push(conditionsError("cannot set Failed=True condition without the FailureTarget=true condition"));
  if ((completeChanged || now.successCriteriaMet !== then.successCriteriaMet) && complete && !now.successCriteriaMet)
    errors.push(conditionsError("cannot set Complete=True condition without the SuccessCriteriaMet=true condition"));
}

/** What is over leaves nothing to do. */
function validateFinished({ spec }: Job, now: Facts, then: Facts, errors: FieldError[]): void {
  if (!now.finished) return;
  const { status } = now;
  const finishes = !then.finished;
  const changed = changes(now, then);
  if ((finishes || changed("active")) && (status.active ?? 0) > 0)
    errors.push(invalid(STATUS.child("active"), status.active, "active>0 is invalid for finished job"));
  const startChanged = seconds(status.startTime) !== seconds(then.status.startTime);
  const neverStarts = spec?.suspend === true && spec.completions === 0;
  if ((finishes || startChanged) && !neverStarts && status.startTime === undefined)
    errors.push(required(STATUS.child("startTime"), "startTime is required for finished job"));
  const { uncountedTerminatedPods } = status;
  const { succeeded = [], failed = [] } = uncountedTerminatedPods ?? {};
  const uncountedChanged = !semanticEqual(uncountedTerminatedPods, then.status.uncountedTerminatedPods);
  if ((finishes || uncountedChanged) && succeeded.length + failed.length > 0) {
    const why = "uncountedTerminatedPods needs to be empty for finished job";
    errors.push(invalid(STATUS.child("uncountedTerminatedPods"), uncountedTerminatedPods, why));
  }
}

function validateIndexes({ spec }: Job, now: Facts, then: Facts, errors: FieldError[]): void {
  const { completedIndexes = "", failedIndexes } = now.status;
  const { completions, backoffLimitPerIndex, completionMode } = spec ?? {};
  const changed = changes(now, then);
  const [completedChanged, failedChanged] = [changed("completedIndexes"), changed("failedIndexes")];
  const tell = (field: "completedIndexes" | "failedIndexes", value: string, why: string): void =>
    void errors.push(invalid(STATUS.child(field), value, why));
  const parse = (field: "completedIndexes" | "failedIndexes", value: string, count: number): void => {
    const why = countIndexes(value, count);
    if (typeof why === "string") tell(field, value, `error parsing ${field}: ${why}`);
  };
  if (completedChanged && completions !== undefined) parse("completedIndexes", completedIndexes, completions);
  if (failedChanged && completions !== undefined && backoffLimitPerIndex !== undefined && failedIndexes !== undefined)
    parse("failedIndexes", failedIndexes, completions);
  if (completedChanged && completedIndexes !== "" && completionMode !== "Indexed") {
    const why = "cannot set non-empty completedIndexes when non-indexed completion mode";
    tell("completedIndexes", completedIndexes, why);
  }
  if (failedIndexes === undefined) return;
  if (failedChanged && backoffLimitPerIndex === undefined)
    tell("failedIndexes", failedIndexes, "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
  if (completions === undefined || (!failedChanged && !completedChanged)) return;
  const common = commonIndex(completedIndexes, failedIndexes, completions);
  if (common !== undefined)
    tell("failedIndexes", failedIndexes, `failedIndexes and completedIndexes overlap at index: ${common}`);
}

function validateSuccessCriteria({ spec }: Job, now: Facts, errors: FieldError[]): void {
  if (now.successCriteriaMet && now.failed)
    errors.push(conditionsError("cannot set SuccessCriteriaMet=True and Failed=true conditions"));
  if (now.successCriteriaMet && now.failureTarget)
    errors.push(conditionsError("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"));
  if (spec?.successPolicy !== undefined && !now.successCriteriaMet && now.complete)
    errors.push(conditionsError("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"));
}

/** What was said stays said. */
function validateTransition(next: Job, old: Job, now: Facts, then: Facts, errors: FieldError[]): void {
  const { status } = now;
  const before = then.status;
  for (const type of TERMINAL) {
    if (hasCondition(old, type, "True") && !hasCondition(next, type, "True"))
      errors.push(conditionsError(`cannot disable the terminal ${type}=True condition`));
  }
  if ((status.failed ?? 0) < (before.failed ?? 0))
    errors.push(invalid(STATUS.child("failed"), status.failed ?? 0, "cannot decrease the failed counter"));
  const { completionMode, completions, parallelism, suspend } = next.spec ?? {};
  // An elastic Job may be made smaller than what has succeeded already.
  const elastic = completionMode === "Indexed" && completions === parallelism;
  if (!elastic && (status.succeeded ?? 0) < (before.succeeded ?? 0))
    errors.push(invalid(STATUS.child("succeeded"), status.succeeded ?? 0, "cannot decrease the succeeded counter"));
  const [end, ended] = [seconds(status.completionTime), seconds(before.completionTime)];
  if (end !== undefined && ended !== undefined && end !== ended)
    errors.push(invalid(STATUS.child("completionTime"), status.completionTime, "completionTime cannot be mutated"));
  const resumes = isMarkedSuspended(old) && hasCondition(next, "Suspended", "False");
  const started = seconds(before.startTime);
  if (started !== undefined && started !== seconds(status.startTime) && !resumes && suspend !== true)
    errors.push(required(STATUS.child("startTime"), "startTime cannot be removed for unsuspended job"));
  if (then.successCriteriaMet && !now.successCriteriaMet)
    errors.push(conditionsError("cannot disable the SuccessCriteriaMet=True condition"));
  if (then.complete && !then.successCriteriaMet && now.successCriteriaMet)
    errors.push(conditionsError("cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"));
}
