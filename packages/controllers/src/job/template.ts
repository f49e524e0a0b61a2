import type { Job } from "@knots/api/batch/v1";
import type { Container, Pod } from "@knots/api/core/v1";
import type { OwnerReference } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import { podFromTemplate } from "../framework/pod-control.ts";
import { judgeFailure } from "./failure-policy.ts";
import {
  COMPLETION_INDEX,
  hasBackoffLimitPerIndex,
  INDEX_FAILURE_COUNT,
  INDEX_IGNORED_FAILURE_COUNT,
  intAnnotation,
  JOB_TRACKING_FINALIZER,
} from "./pods.ts";

const INDEX_VARIABLE = "JOB_COMPLETION_INDEX";
/** A generated name has 63 characters; five are the random suffix. */
const MAX_PREFIX = 58;

export function jobControllerRef(job: Job): OwnerReference {
  const { name, uid } = metaOf(job);
  return { apiVersion: "batch/v1", kind: "Job", name, uid, controller: true, blockOwnerDeletion: true };
}

/**
 * A pod of the Job. Pure.
 * @param index with Indexed: its completion index
 * @param replaces with backoffLimitPerIndex: the failed pod of that index whose failure count it continues
 */
export function jobPod(job: Job, index: number | undefined, replaces: Pod | undefined): Pod {
  const template = job.spec?.template ?? {};
  const { name } = metaOf(job);
  const finalizers = [JOB_TRACKING_FINALIZER];
  if (index === undefined) return podFromTemplate(template, job, jobControllerRef(job), { finalizers });
  const suffix = `-${index}-`;
  const generateName = name.slice(0, MAX_PREFIX - suffix.length) + suffix;
  const pod = podFromTemplate(template, job, jobControllerRef(job), { finalizers, generateName });
  pod.metadata = {
    ...pod.metadata,
    labels: { ...pod.metadata?.labels, [COMPLETION_INDEX]: String(index) },
    annotations: {
      ...pod.metadata?.annotations,
      [COMPLETION_INDEX]: String(index),
      ...(hasBackoffLimitPerIndex(job) ? failureCounts(job, replaces) : {}),
    },
  };
  if (pod.spec !== undefined) {
    pod.spec.hostname = `${name}-${index}`;
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) addIndexVariable(container);
  }
  return pod;
}

function addIndexVariable(container: Container): void {
  if (container.env?.some((variable) => variable.name === INDEX_VARIABLE)) return;
  const fieldRef = { apiVersion: "v1", fieldPath: `metadata.labels['${COMPLETION_INDEX}']` };
  container.env = [...(container.env ?? []), { name: INDEX_VARIABLE, valueFrom: { fieldRef } }];
}

function failureCounts(job: Job, replaces: Pod | undefined): Record<string, string> {
  if (replaces === undefined) return { [INDEX_FAILURE_COUNT]: "0" };
  const counts = judgeFailure(job, replaces).counts;
  const failures = intAnnotation(replaces, INDEX_FAILURE_COUNT) + (counts ? 1 : 0);
  const ignored = intAnnotation(replaces, INDEX_IGNORED_FAILURE_COUNT) + (counts ? 0 : 1);
  return {
    [INDEX_FAILURE_COUNT]: String(failures),
    ...(ignored > 0 ? { [INDEX_IGNORED_FAILURE_COUNT]: String(ignored) } : {}),
  };
}
