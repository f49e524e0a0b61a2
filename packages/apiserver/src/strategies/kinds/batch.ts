import type { CronJob, Job } from "@knots/api/batch/v1";
import { isDNS1123Label, selectorFromLabelSelector } from "@knots/machinery";
import { defaultCronJob, defaultJob } from "../defaults/workloads.ts";
import { FieldPath, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { isEmptySelector, validateLabelSelector } from "../validation/label-selector.ts";
import { immutable } from "../validation/metadata.ts";
import { nonNegativeFields, oneOf } from "../validation/numbers.ts";
import { validateJobSpec } from "./job-spec.ts";
import { podSpecWarnings } from "./pod-warnings.ts";
import { semanticEqual } from "../equality.ts";
import { scheduleError, timeZoneError } from "./schedule.ts";

const SPEC = FieldPath.root("spec");
const CONTROLLER_UID = "batch.kubernetes.io/controller-uid";
const JOB_NAME = "batch.kubernetes.io/job-name";
const LEGACY_CONTROLLER_UID = "controller-uid";
const LEGACY_JOB_NAME = "job-name";

/** A job selects its pods by its own UID, unless somebody insists on a selector of their own. */
function generateSelector(job: Job): void {
  const spec = job.spec;
  const uid = job.metadata?.uid;
  if (!spec?.template || !uid || spec.manualSelector) return;
  const name = job.metadata?.name ?? "";
  spec.template.metadata ??= {};
  spec.template.metadata.labels = {
    ...spec.template.metadata.labels,
    [JOB_NAME]: name,
    [LEGACY_JOB_NAME]: name,
    [CONTROLLER_UID]: uid,
    [LEGACY_CONTROLLER_UID]: uid,
  };
  spec.selector ??= {};
  if (!spec.selector.matchLabels?.[CONTROLLER_UID] && !spec.selector.matchLabels?.[LEGACY_CONTROLLER_UID]) {
    spec.selector.matchLabels = { ...spec.selector.matchLabels, [CONTROLLER_UID]: uid };
  }
}

function validateJob(job: Job): FieldError[] {
  const errors: FieldError[] = [];
  const spec = job.spec;
  if (!spec) return [required(SPEC, "")];
  validateJobSpec(spec, SPEC, errors);
  if (!spec.selector) errors.push(required(SPEC.child("selector"), ""));
  else {
    const before = errors.length;
    validateLabelSelector(spec.selector, SPEC.child("selector"), errors);
    // What is no selector selects nothing that could be right or wrong.
    if (errors.length > before) return errors;
    const labels = spec.template?.metadata?.labels ?? {};
    if (!isEmptySelector(spec.selector) && !selectorFromLabelSelector(spec.selector).matches(labels)) {
      const at = SPEC.child("template").child("metadata").child("labels");
      errors.push(invalid(at, labels, "`selector` does not match template `labels`"));
    }
    if (!spec.manualSelector && job.metadata?.uid) {
      const expected = {
        [CONTROLLER_UID]: job.metadata.uid,
        [LEGACY_CONTROLLER_UID]: job.metadata.uid,
        [JOB_NAME]: job.metadata.name ?? "",
        [LEGACY_JOB_NAME]: job.metadata.name ?? "",
      };
      if (!selectorFromLabelSelector(spec.selector).matches(expected)) {
        errors.push(invalid(SPEC.child("selector"), spec.selector, "`selector` not auto-generated"));
      }
    }
  }
  validateHostname(job, errors);
  return errors;
}

/** Pods of Indexed Jobs bear their Job's name and their index as host name: the longest must be one. */
function validateHostname({ metadata, spec }: Job, errors: FieldError[]): void {
  if (spec?.completionMode !== "Indexed" || !spec.completions || spec.completions < 0) return;
  const name = metadata?.name ?? "";
  const longest = `${name}-${spec.completions - 1}`;
  if (isDNS1123Label(longest).length === 0) return;
  const why = `will not able to create pod with invalid DNS label: ${longest}`;
  errors.push(invalid(FieldPath.root("metadata").child("name"), name, why));
}

const isFinished = (job: Job): boolean =>
  (job.status?.conditions ?? []).some(
    (condition) => (condition.type === "Complete" || condition.type === "Failed") && condition.status === "True",
  );

/** A suspended job that never ran may still choose its nodes. */
function comparableTemplate(job: Job, lenient: boolean): unknown {
  const template = structuredClone(job.spec?.template ?? {});
  if (lenient && template.spec) {
    delete template.spec.nodeSelector;
    delete template.spec.affinity;
    delete template.spec.tolerations;
    delete template.spec.schedulingGates;
    if (template.metadata) {
      delete template.metadata.labels;
      delete template.metadata.annotations;
    }
    for (const container of [...(template.spec.containers ?? []), ...(template.spec.initContainers ?? [])]) {
      delete container.resources;
    }
  }
  return template;
}

export const jobStrategy: Strategy<Job> = {
  defaults: defaultJob,
  prepareForCreate: generateSelector,
  validate: validateJob,
  validateUpdate(next, old) {
    const errors = validateJob(next);
    const lenient = old.spec?.suspend === true && old.status?.startTime === undefined;
    const elastic = next.spec?.completionMode === "Indexed" && next.spec.completions === next.spec.parallelism;
    if (!elastic) immutable(next.spec?.completions, old.spec?.completions, SPEC.child("completions"), errors);
    immutable(next.spec?.selector, old.spec?.selector, SPEC.child("selector"), errors);
    if (!semanticEqual(comparableTemplate(next, lenient), comparableTemplate(old, lenient))) {
      errors.push(invalid(SPEC.child("template"), next.spec?.template ?? null, "field is immutable"));
    }
    for (const field of [
      "completionMode",
      "podFailurePolicy",
      "successPolicy",
      "backoffLimitPerIndex",
      "managedBy",
    ] as const) {
      immutable(next.spec?.[field], old.spec?.[field], SPEC.child(field), errors);
    }
    return errors;
  },
  warnings(job) {
    const warnings = podSpecWarnings(job.spec?.template?.spec, "spec.template.spec");
    const { completions, parallelism, completionMode } = job.spec ?? {};
    if (completionMode === "Indexed" && (completions ?? 0) > 100_000 && (parallelism ?? 0) > 10_000) {
      warnings.push(
        "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail",
      );
    }
    return warnings;
  },
  fieldLabels: (job) => ({ "status.successful": String(job.status?.succeeded ?? 0) }),
  subresources: {
    status: {
      validateUpdate(next, old) {
        const errors: FieldError[] = [];
        const status = next.status ?? {};
        const path = FieldPath.root("status");
        nonNegativeFields(status, ["active", "succeeded", "failed", "ready", "terminating"], path, errors);
        if (isFinished(old) && !isFinished(next)) {
          errors.push(
            invalid(path.child("conditions"), status.conditions ?? [], "finished jobs may not become unfinished"),
          );
        }
        return errors;
      },
    },
  },
};

function validateCronJob(cronJob: CronJob): FieldError[] {
  const errors: FieldError[] = [];
  const spec = cronJob.spec;
  if (!spec) return [required(SPEC, "")];
  const name = cronJob.metadata?.name ?? "";
  if (name.length > 52) {
    errors.push(invalid(FieldPath.root("metadata").child("name"), name, "must be no more than 52 characters"));
  }
  if (!spec.schedule) errors.push(required(SPEC.child("schedule"), ""));
  else {
    const why = scheduleError(spec.schedule);
    if (why) errors.push(invalid(SPEC.child("schedule"), spec.schedule, why));
  }
  if (spec.timeZone !== undefined) {
    const why = timeZoneError(spec.timeZone);
    if (why) errors.push(invalid(SPEC.child("timeZone"), spec.timeZone, why));
  }
  const counts = ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"] as const;
  nonNegativeFields(spec, counts, SPEC, errors);
  oneOf(spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"], SPEC.child("concurrencyPolicy"), errors);
  const path = SPEC.child("jobTemplate").child("spec");
  const template = spec.jobTemplate?.spec;
  if (!template) return [...errors, required(path, "")];
  validateJobSpec(template, path, errors);
  if (template.selector)
    errors.push(invalid(path.child("selector"), template.selector, "`selector` will be auto-generated"));
  if (template.manualSelector) errors.push(notSupported(path.child("manualSelector"), true, ["nil", "false"]));
  return errors;
}

export const cronJobStrategy: Strategy<CronJob> = {
  defaults: defaultCronJob,
  validate: validateCronJob,
  validateUpdate: validateCronJob,
  warnings(cronJob) {
    const warnings = podSpecWarnings(
      cronJob.spec?.jobTemplate?.spec?.template?.spec,
      "spec.jobTemplate.spec.template.spec",
    );
    if (cronJob.spec?.schedule?.includes("TZ")) {
      warnings.push(
        "cannot use TZ or CRON_TZ in spec.schedule, use timeZone field instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones for more details",
      );
    }
    return warnings;
  },
};
