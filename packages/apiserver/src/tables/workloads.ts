import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from "@knots/api/apps/v1";
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus } from "@knots/api/autoscaling/v2";
import type { CronJob, Job } from "@knots/api/batch/v1";
import type { PodTemplate, PodTemplateSpec, ReplicationController } from "@knots/api/core/v1";
import type { PodDisruptionBudget } from "@knots/api/policy/v1";
import { formatLabelSelector, getControllerOf } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import {
  AGE,
  NAME,
  age,
  boolText,
  column,
  containerImages,
  containerNames,
  humanDuration,
  integer,
  labelText,
  wide,
} from "./columns.ts";
import type { Column, TableKind } from "./columns.ts";

interface Templated extends KubeObject {
  spec?: { template?: PodTemplateSpec; selector?: unknown };
}

function selectorText(selector: unknown): string {
  return selector === undefined ? "<none>" : formatLabelSelector(selector as Parameters<typeof formatLabelSelector>[0]);
}

/** Containers, images and selector: the wide columns of everything that makes pods. */
const TEMPLATE_COLUMNS: readonly Column<Templated>[] = [
  wide("Containers", ({ spec }) => containerNames(spec?.template?.spec)),
  wide("Images", ({ spec }) => containerImages(spec?.template?.spec)),
  wide("Selector", ({ spec }) => selectorText(spec?.selector)),
];

export const deploymentTable: TableKind<Deployment> = {
  columns: [
    NAME,
    column("Ready", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`, {
      description: "Number of the pod with ready state",
    }),
    column("Up-to-date", ({ status }) => status?.updatedReplicas ?? 0),
    column("Available", ({ status }) => status?.availableReplicas ?? 0),
    AGE,
    ...TEMPLATE_COLUMNS,
  ] as Column<Deployment>[],
};

export const replicaSetTable: TableKind<ReplicaSet> = {
  columns: [
    NAME,
    integer("Desired", ({ spec }) => spec?.replicas),
    integer("Current", ({ status }) => status?.replicas),
    integer("Ready", ({ status }) => status?.readyReplicas),
    AGE,
    ...TEMPLATE_COLUMNS,
  ] as Column<ReplicaSet>[],
};

export const replicationControllerTable: TableKind<ReplicationController> = {
  columns: [
    NAME,
    integer<ReplicationController>("Desired", ({ spec }) => spec?.replicas),
    integer<ReplicationController>("Current", ({ status }) => status?.replicas),
    integer<ReplicationController>("Ready", ({ status }) => status?.readyReplicas),
    AGE,
    wide<ReplicationController>("Containers", ({ spec }) => containerNames(spec?.template?.spec)),
    wide<ReplicationController>("Images", ({ spec }) => containerImages(spec?.template?.spec)),
    wide<ReplicationController>("Selector", ({ spec }) => labelText(spec?.selector)),
  ],
};

export const statefulSetTable: TableKind<StatefulSet> = {
  columns: [
    NAME,
    column<StatefulSet>("Ready", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
    AGE,
    wide<StatefulSet>("Containers", ({ spec }) => containerNames(spec?.template?.spec)),
    wide<StatefulSet>("Images", ({ spec }) => containerImages(spec?.template?.spec)),
  ],
};

export const daemonSetTable: TableKind<DaemonSet> = {
  columns: [
    NAME,
    integer("Desired", ({ status }) => status?.desiredNumberScheduled),
    integer("Current", ({ status }) => status?.currentNumberScheduled),
    integer("Ready", ({ status }) => status?.numberReady),
    integer("Up-to-date", ({ status }) => status?.updatedNumberScheduled),
    integer("Available", ({ status }) => status?.numberAvailable),
    column("Node Selector", ({ spec }) => labelText(spec?.template?.spec?.nodeSelector)),
    AGE,
    ...TEMPLATE_COLUMNS,
  ] as Column<DaemonSet>[],
};

export const controllerRevisionTable: TableKind<ControllerRevision> = {
  columns: [
    NAME,
    column<ControllerRevision>("Controller", (object) => {
      const owner = getControllerOf(object);
      if (owner === undefined) return "<none>";
      const group = owner.apiVersion.includes("/") ? `.${owner.apiVersion.split("/")[0] ?? ""}` : "";
      return `${owner.kind}${group}`.toLowerCase() + `/${owner.name}`;
    }),
    column<ControllerRevision>("Revision", ({ revision }) => revision),
    AGE,
  ],
};

const JOB_ENDS = ["Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"];

function jobStatus({ metadata, status }: Job): string {
  const has = (type: string): boolean => (status?.conditions ?? []).some((c) => c.type === type && c.status === "True");
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (metadata?.deletionTimestamp !== undefined) return "Terminating";
  return JOB_ENDS.find(has) ?? "Running";
}

function jobCompletions({ spec, status }: Job): string {
  const done = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${done}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
}

function jobDuration({ status }: Job, now: number): string {
  if (status?.startTime === undefined) return "";
  const failed = (status.conditions ?? []).find(({ type, status: value }) => type === "Failed" && value === "True");
  const end = status.completionTime ?? failed?.lastTransitionTime;
  return humanDuration((end === undefined ? now : Date.parse(end)) - Date.parse(status.startTime));
}

export const jobTable: TableKind<Job> = {
  columns: [
    NAME,
    column("Status", jobStatus),
    column("Completions", jobCompletions),
    column("Duration", jobDuration, { description: "Time required to complete the job." }),
    AGE,
    ...TEMPLATE_COLUMNS,
  ] as Column<Job>[],
};

export const cronJobTable: TableKind<CronJob> = {
  columns: [
    NAME,
    column<CronJob>("Schedule", ({ spec }) => spec?.schedule ?? ""),
    column<CronJob>("Timezone", ({ spec }) => spec?.timeZone ?? "<none>"),
    column<CronJob>("Suspend", ({ spec }) => boolText(spec?.suspend), { type: "boolean" }),
    integer<CronJob>("Active", ({ status }) => status?.active?.length),
    column<CronJob>("Last Schedule", ({ status }, now) =>
      status?.lastScheduleTime === undefined ? "<none>" : age(status.lastScheduleTime, now),
    ),
    AGE,
    wide<CronJob>("Containers", ({ spec }) => containerNames(spec?.jobTemplate?.spec?.template?.spec)),
    wide<CronJob>("Images", ({ spec }) => containerImages(spec?.jobTemplate?.spec?.template?.spec)),
    wide<CronJob>("Selector", ({ spec }) => selectorText(spec?.jobTemplate?.spec?.selector)),
  ],
};

export const podTemplateTable: TableKind<PodTemplate> = {
  columns: [
    NAME,
    column<PodTemplate>("Containers", ({ template }) => containerNames(template?.spec)),
    column<PodTemplate>("Images", ({ template }) => containerImages(template?.spec)),
    column<PodTemplate>("Pod Labels", ({ template }) => labelText(template?.metadata?.labels)),
  ],
};

export const disruptionBudgetTable: TableKind<PodDisruptionBudget> = {
  columns: [
    NAME,
    column<PodDisruptionBudget>("Min Available", ({ spec }) => String(spec?.minAvailable ?? "N/A")),
    column<PodDisruptionBudget>("Max Unavailable", ({ spec }) => String(spec?.maxUnavailable ?? "N/A")),
    integer<PodDisruptionBudget>("Allowed Disruptions", ({ status }) => status?.disruptionsAllowed),
    AGE,
  ],
};

function currentOf(spec: MetricSpec, statuses: readonly MetricStatus[], index: number): string {
  const status = statuses[index];
  const resource = spec.type === "ContainerResource" ? status?.containerResource : status?.resource;
  const other = status?.pods ?? status?.object ?? status?.external;
  const current = (resource ?? other)?.current;
  if (current?.averageUtilization !== undefined) return `${current.averageUtilization}%`;
  return current?.averageValue ?? current?.value ?? "<unknown>";
}

function metricText(spec: MetricSpec, statuses: readonly MetricStatus[], index: number): string {
  const resource = spec.type === "ContainerResource" ? spec.containerResource : spec.resource;
  const target = (resource ?? spec.pods ?? spec.object ?? spec.external)?.target;
  const wanted =
    target?.averageUtilization === undefined
      ? (target?.averageValue ?? target?.value ?? "<auto>")
      : `${target.averageUtilization}%`;
  const average =
    target?.averageValue !== undefined && resource === undefined && spec.pods === undefined ? " (avg)" : "";
  const name = resource === undefined ? "" : `${resource.name}: `;
  return `${name}${currentOf(spec, statuses, index)}/${wanted}${average}`;
}

export const autoscalerTable: TableKind<HorizontalPodAutoscaler> = {
  columns: [
    NAME,
    column<HorizontalPodAutoscaler>(
      "Reference",
      ({ spec }) => `${spec?.scaleTargetRef.kind ?? ""}/${spec?.scaleTargetRef.name ?? ""}`,
    ),
    column<HorizontalPodAutoscaler>("Targets", ({ spec, status }) => {
      const metrics = spec?.metrics ?? [];
      if (metrics.length === 0) return "<none>";
      const texts = metrics.slice(0, 2).map((metric, i) => metricText(metric, status?.currentMetrics ?? [], i));
      return metrics.length > 2 ? `${texts.join(", ")} + ${metrics.length - 2} more...` : texts.join(", ");
    }),
    column<HorizontalPodAutoscaler>("MinPods", ({ spec }) => String(spec?.minReplicas ?? "<unset>")),
    integer<HorizontalPodAutoscaler>("MaxPods", ({ spec }) => spec?.maxReplicas),
    integer<HorizontalPodAutoscaler>("Replicas", ({ status }) => status?.currentReplicas),
    AGE,
  ],
};
