import type { CronJob, Job, JobSpec } from "@knots/api/batch/v1";
import type { PodTemplateSpec } from "@knots/api/core/v1";
import { isDNS1123Label, selectorFromLabelSelector } from "@knots/machinery";
import type { LabelSelector } from "@knots/machinery";
import { defaultCronJob, defaultJob } from "../defaults/workloads.ts";
import { FieldPath, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { isEmptySelector, validateLabelSelector } from "../validation/label-selector.ts";
import { immutable } from "../validation/metadata.ts";
import { nonNegativeFields, oneOf } from "../validation/numbers.ts";
import { validateJobSpec } from "./job-spec.ts";
import { dropDisabledOfTemplate } from "./pod-disabled-fields.ts";
import { isMarkedSuspended, validateJobStatusUpdate } from "./job-status.ts";
import { podNameWarnings, podTemplateWarnings } from "../warnings/pods.ts";
import { semanticEqual } from "../equality.ts";
import { scheduleErrors, timeZoneErrors } from "./schedule.ts";

const SPEC = FieldPath.root("spec");
const CONTROLLER_UID = "batch.kubernetes.io/controller-uid";
const JOB_NAME = "batch.kubernetes.io/job-name";
const LEGACY_CONTROLLER_UID = "controller-uid";
const LEGACY_JOB_NAME = "job-name";

/**
 * A job selects its pods by its own UID, unless somebody insists on a selector of their own. Labels that are there stay:
 * validation refuses those of another Job.
 */
function generateSelector(job: Job): void {
  const { spec, metadata } = job;
  const uid = metadata?.uid;
  if (!spec?.template || !uid || spec.manualSelector) return;
  const name = metadata.name ?? "";
  spec.template.metadata ??= {};
  spec.template.metadata.labels = {
    [LEGACY_JOB_NAME]: name,
    [JOB_NAME]: name,
    [LEGACY_CONTROLLER_UID]: uid,
    [CONTROLLER_UID]: uid,
    ...spec.template.metadata.labels,
  };
  spec.selector ??= {};
  spec.selector.matchLabels = { [CONTROLLER_UID]: uid, ...spec.selector.matchLabels };
}

/** @param prefixed whether the labels with a domain, which old Jobs lack, must be there */
function validateJob(job: Job, prefixed = true, old?: Job): FieldError[] {
  const errors: FieldError[] = [];
  const spec = job.spec;
  if (!spec) return [required(SPEC, "")];
  if (!spec.manualSelector && spec.selector) validateGeneratedSelector(job, prefixed, errors);
  validateJobSpec(spec, SPEC, errors, old?.spec);
  if (!spec.selector) errors.push(required(SPEC.child("selector"), ""));
  else {
    validateLabelSelector(spec.selector, SPEC.child("selector"), errors);
    const labels = spec.template?.metadata?.labels ?? {};
    if (!isEmptySelector(spec.selector) && selects(spec.selector, labels) === false) {
      const at = SPEC.child("template").child("metadata").child("labels");
      errors.push(invalid(at, labels, "`selector` does not match template `labels`"));
    }
  }
  validateHostname(job, errors);
  return errors;
}

/** undefined: what is no selector selects nothing that could be right or wrong. */
function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean | undefined {
  const errors: FieldError[] = [];
  validateLabelSelector(selector, SPEC, errors);
  return errors.length > 0 ? undefined : selectorFromLabelSelector(selector).matches(labels);
}

function validateGeneratedSelector({ metadata, spec }: Job, prefixed: boolean, errors: FieldError[]): void {
  const { uid = "", name = "" } = metadata ?? {};
  if (uid === "") errors.push(required(FieldPath.root("metadata").child("uid"), ""));
  const expected: Record<string, string> = {
    [LEGACY_CONTROLLER_UID]: uid,
    [LEGACY_JOB_NAME]: name,
    ...(prefixed ? { [CONTROLLER_UID]: uid, [JOB_NAME]: name } : {}),
  };
  const labels = spec?.template?.metadata?.labels ?? {};
  const path = SPEC.child("template").child("metadata").child("labels");
  for (const [key, value] of Object.entries(expected)) {
    if (labels[key] === undefined) errors.push(required(path.key(key), `must be '${value}'`));
    else if (labels[key] !== value) errors.push(invalid(path.key(key), labels, `must be '${value}'`));
  }
  if (spec?.selector !== undefined && selects(spec.selector, expected) === false)
    errors.push(invalid(SPEC.child("selector"), spec.selector, "`selector` not auto-generated"));
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

/** What a suspended job without pods may change: where its pods go, and what they need. */
function comparableTemplate(job: Job, lenient: boolean): unknown {
  const template = structuredClone(job.spec?.template ?? {});
  if (lenient && template.spec) {
    delete template.spec.nodeSelector;
    delete template.spec.affinity?.nodeAffinity;
    if (template.spec.affinity !== undefined && Object.keys(template.spec.affinity).length === 0)
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

/** An elastic Job's completions follow its parallelism. */
function validateCompletions({ spec: next }: Job, { spec: old }: Job, errors: FieldError[]): void {
  const path = SPEC.child("completions");
  if (next?.completionMode !== "Indexed") immutable(next?.completions, old?.completions, path, errors);
  else if (
    next.completions !== undefined &&
    next.completions !== old?.completions &&
    next.completions !== next.parallelism
  )
    errors.push(invalid(path, next.completions, "can only be modified in tandem with spec.parallelism"));
}

/** Suspended, and either never started or known to have no pods any more. */
function mayChangeTemplate({ spec, status }: Job, marked: boolean): boolean {
  return spec?.suspend === true && (status?.active ?? 0) === 0 && (status?.startTime === undefined || marked);
}

const IMMUTABLE = ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] as const;

export const jobStrategy: Strategy<Job> = {
  defaults: defaultJob,
  prepareForCreate(job) {
    dropDisabledOfTemplate(job.spec?.template);
    generateSelector(job);
  },
  prepareForUpdate: (next, old) => dropDisabledOfTemplate(next.spec?.template, old.spec?.template),
  validate: (job) => validateJob(job),
  validateUpdate(next, old) {
    const had = old.spec?.template?.metadata?.labels ?? {};
    const errors = validateJob(next, had[JOB_NAME] !== undefined && had[CONTROLLER_UID] !== undefined, old);
    validateCompletions(next, old, errors);
    immutable(next.spec?.selector, old.spec?.selector, SPEC.child("selector"), errors);
    const lenient = mayChangeTemplate(old, isMarkedSuspended(old));
    if (!semanticEqual(comparableTemplate(next, lenient), comparableTemplate(old, lenient))) {
      errors.push(invalid(SPEC.child("template"), next.spec?.template ?? null, "field is immutable"));
    }
    for (const field of IMMUTABLE) immutable(next.spec?.[field], old.spec?.[field], SPEC.child(field), errors);
    return errors;
  },
  warnings(job, old) {
    if (old === undefined) return [...podNameWarnings(job), ...jobSpecWarnings(job.spec, "spec")];
    return job.metadata?.generation === old.metadata?.generation ? [] : jobSpecWarnings(job.spec, "spec");
  },
  fieldLabels: (job) => ({ "status.successful": String(job.status?.succeeded ?? 0) }),
  subresources: { status: { validateUpdate: validateJobStatusUpdate } },
};

function jobSpecWarnings(spec: JobSpec | undefined, path: string): string[] {
  const { completions = 0, parallelism = 0, completionMode, template } = spec ?? {};
  const warnings: string[] = [];
  if (completionMode === "Indexed" && completions > 100_000 && parallelism > 10_000) {
    warnings.push(
      `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
    );
  }
  return [...warnings, ...podTemplateWarnings(template, `${path}.template`)];
}

/** Both are let be where they were so before: the zone of a schedule, and a zone that the server does not know any more. */
function validateCronJob(cronJob: CronJob, old?: CronJob): FieldError[] {
  const errors: FieldError[] = [];
  const spec = cronJob.spec;
  if (!spec) return [required(SPEC, "")];
  if (!spec.schedule) errors.push(required(SPEC.child("schedule"), ""));
  else {
    const had = old?.spec?.schedule?.includes("TZ") === true;
    for (const why of scheduleErrors(spec.schedule, had, spec.timeZone))
      errors.push(invalid(SPEC.child("schedule"), spec.schedule, why));
  }
  nonNegativeFields(spec, ["startingDeadlineSeconds"], SPEC, errors);
  if (spec.timeZone !== undefined && spec.timeZone !== old?.spec?.timeZone) {
    for (const why of timeZoneErrors(spec.timeZone)) errors.push(invalid(SPEC.child("timeZone"), spec.timeZone, why));
  }
  oneOf(spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"], SPEC.child("concurrencyPolicy"), errors);
  const path = SPEC.child("jobTemplate").child("spec");
  const template = spec.jobTemplate?.spec;
  if (!template) return [...errors, required(path, "")];
  validateJobSpec(template, path, errors, old?.spec?.jobTemplate?.spec);
  if (template.selector)
    errors.push(invalid(path.child("selector"), template.selector, "`selector` will be auto-generated"));
  if (template.manualSelector) errors.push(notSupported(path.child("manualSelector"), true, ["nil", "false"]));
  nonNegativeFields(spec, ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"], SPEC, errors);
  return errors;
}

/** Its Jobs' names are eleven characters longer, and bounded as labels are. */
function validateNewCronJob(cronJob: CronJob): FieldError[] {
  const errors = validateCronJob(cronJob);
  const name = cronJob.metadata?.name ?? "";
  if (name.length > 52)
    errors.push(invalid(FieldPath.root("metadata").child("name"), name, "must be no more than 52 characters"));
  return errors;
}

const templateOf = ({ spec }: CronJob): PodTemplateSpec | undefined => spec?.jobTemplate?.spec?.template;

export const cronJobStrategy: Strategy<CronJob> = {
  defaults: defaultCronJob,
  prepareForCreate: (cronJob) => dropDisabledOfTemplate(templateOf(cronJob)),
  prepareForUpdate: (next, old) => dropDisabledOfTemplate(templateOf(next), templateOf(old)),
  validate: validateNewCronJob,
  validateUpdate: validateCronJob,
  warnings(cronJob, old) {
    if (old !== undefined && cronJob.metadata?.generation === old.metadata?.generation) return [];
    const warnings = [
      ...(old === undefined ? podNameWarnings(cronJob) : []),
      ...jobSpecWarnings(cronJob.spec?.jobTemplate?.spec, "spec.jobTemplate.spec"),
    ];
    if (cronJob.spec?.schedule?.includes("TZ")) {
      warnings.push(
        "cannot use TZ or CRON_TZ in spec.spec.schedule, use spec.spec.timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones for more details",
      );
    }
    return warnings;
  },
};
