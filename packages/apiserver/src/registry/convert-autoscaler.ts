import type { HorizontalPodAutoscaler as V1 } from "@knots/api/autoscaling/v1";
import type { HorizontalPodAutoscaler as V2, MetricSpec, MetricStatus } from "@knots/api/autoscaling/v2";
import { modelSchema, validateShape } from "@knots/api";
import type { KubeObject, TypeSchema } from "@knots/machinery";
import type { BuiltInConverter } from "./served.ts";

const METRICS = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior";

function isCpuUtilization(metric: MetricSpec): boolean {
  return metric.type === "Resource" && metric.resource?.name === "cpu" && metric.resource.target.type === "Utilization";
}

function isCpuStatus(metric: MetricStatus): boolean {
  return (
    metric.type === "Resource" &&
    metric.resource?.name === "cpu" &&
    metric.resource.current.averageUtilization !== undefined
  );
}

/** autoscaling/v2 (stored) and v1, which knows CPU only and carries the rest in annotations, as upstream. */
export const autoscalerConverter: BuiltInConverter = {
  toServed(stored: KubeObject): KubeObject {
    const { spec, status, metadata, ...rest } = structuredClone(stored) as V2;
    const annotations: Record<string, string> = { ...metadata?.annotations };
    const cpu = spec?.metrics?.find(isCpuUtilization)?.resource?.target.averageUtilization;
    const others = spec?.metrics?.filter((metric) => !isCpuUtilization(metric)) ?? [];
    if (others.length > 0) annotations[METRICS] = JSON.stringify(others);
    if (spec?.behavior !== undefined) annotations[BEHAVIOR] = JSON.stringify(spec.behavior);
    const currentCpu = status?.currentMetrics?.find(isCpuStatus)?.resource?.current.averageUtilization;
    const otherStatus = status?.currentMetrics?.filter((metric) => !isCpuStatus(metric)) ?? [];
    if (otherStatus.length > 0) annotations[CURRENT_METRICS] = JSON.stringify(otherStatus);
    if ((status?.conditions ?? []).length > 0) annotations[CONDITIONS] = JSON.stringify(status?.conditions);
    const {
      metrics: _metrics,
      behavior: _behavior,
      ...plainSpec
    } = spec ?? { scaleTargetRef: { kind: "", name: "" }, maxReplicas: 0 };
    const { currentMetrics: _current, conditions: _conditions, ...plainStatus } = status ?? { desiredReplicas: 0 };
    const served = {
      ...rest,
      apiVersion: "autoscaling/v1",
      metadata: { ...metadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
      spec: { ...plainSpec, ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu }) },
      status: {
        ...plainStatus,
        currentReplicas: plainStatus.currentReplicas ?? 0,
        ...(currentCpu === undefined ? {} : { currentCPUUtilizationPercentage: currentCpu }),
      },
    };
    return served as KubeObject;
  },
  toStored(served: KubeObject): KubeObject {
    const { spec, status, metadata, ...rest } = structuredClone(served) as V1;
    const annotations = { ...metadata?.annotations };
    const metrics: MetricSpec[] = parse<MetricSpec[]>(annotations, METRICS) ?? [];
    const { targetCPUUtilizationPercentage: cpu, ...plainSpec } = spec ?? {
      scaleTargetRef: { kind: "", name: "" },
      maxReplicas: 0,
    };
    if (cpu !== undefined) {
      metrics.unshift({
        type: "Resource",
        resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpu } },
      });
    }
    const behavior = parse<object>(annotations, BEHAVIOR);
    const currentMetrics = parse<MetricStatus[]>(annotations, CURRENT_METRICS) ?? [];
    const conditions = parse<object[]>(annotations, CONDITIONS);
    const { currentCPUUtilizationPercentage: currentCpu, ...plainStatus } = status ?? {
      currentReplicas: 0,
      desiredReplicas: 0,
    };
    if (currentCpu !== undefined) {
      currentMetrics.unshift({
        type: "Resource",
        resource: { name: "cpu", current: { averageUtilization: currentCpu } },
      });
    }
    for (const name of [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR]) delete annotations[name];
    const { annotations: _old, ...plainMetadata } = metadata ?? {};
    const stored = {
      ...rest,
      apiVersion: "autoscaling/v2",
      metadata: { ...plainMetadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
      spec: {
        ...plainSpec,
        ...(metrics.length > 0 ? { metrics } : {}),
        ...(behavior === undefined ? {} : { behavior }),
      },
      status: {
        ...plainStatus,
        ...(currentMetrics.length > 0 ? { currentMetrics } : {}),
        ...(conditions === undefined ? {} : { conditions }),
      },
    };
    return stored as KubeObject;
  },
};

/** What an annotation holds; what is malformed, or of another type, is treated as absent, as upstream does. */
function parse<T>(annotations: Record<string, string>, name: string): T | undefined {
  const text = annotations[name];
  if (text === undefined) return undefined;
  // A list or struct is read where it stands in another, so that null means absent.
  const holder: { value?: unknown } = {};
  try {
    holder.value = JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
  return validateShape(holderSchema(name), holder).errors.length > 0 ? undefined : (holder.value as T | undefined);
}

const TYPES: Readonly<Record<string, readonly [model: string, list: boolean]>> = {
  [METRICS]: ["MetricSpec", true],
  [CURRENT_METRICS]: ["MetricStatus", true],
  [CONDITIONS]: ["HorizontalPodAutoscalerCondition", true],
  [BEHAVIOR]: ["HorizontalPodAutoscalerBehavior", false],
};
const holders = new Map<string, TypeSchema>();

function holderSchema(annotation: string): TypeSchema {
  let schema = holders.get(annotation);
  if (schema === undefined) {
    const [model, list] = TYPES[annotation] ?? ["", false];
    const element = modelSchema(`autoscaling/v2.${model}`);
    if (element === undefined) throw new Error(`the schema data lack autoscaling/v2.${model}`);
    const type: TypeSchema = list ? { kind: "list", element, listType: "atomic" } : element;
    schema = { kind: "struct", name: "", fields: new Map([["value", { name: "value", type }]]) };
    holders.set(annotation, schema);
  }
  return schema;
}
