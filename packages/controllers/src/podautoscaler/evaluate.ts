import type { MetricSpec, MetricStatus, MetricTarget } from "@knots/api/autoscaling/v2";
import type { CrossVersionObjectReference } from "@knots/api/autoscaling/v2";
import type { LabelSelector } from "@knots/machinery";
import { Quantity } from "@knots/machinery";
import { messageOf } from "../framework/pod-control.ts";
import { metricSelectorText } from "./metrics-client.ts";
import type { MetricsClient, PodMetrics } from "./metrics-client.ts";
import { forAverage, forUtilization, forValue, forValuePerPod } from "./replicas.ts";
import type { Situation } from "./replicas.ts";

/** What one metric asks for. */
export interface Proposal {
  readonly replicas: number;
  /** How Events call the metric. */
  readonly name: string;
  readonly status: MetricStatus;
}

/** Why a metric asks for nothing: reason and message are the condition's and the Event's. */
export class MetricError extends Error {
  readonly reason: string;
  /** The same with what it was that could not be had in front: what is said of all metrics together. */
  readonly summary: string;

  constructor(reason: string, what: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "MetricError";
    this.reason = reason;
    this.summary = what === "" ? message : `${what}: ${message}`;
  }
}

/** An error with upstream's words around it. */
async function saying<T>(words: (error: string) => string, compute: () => T | Promise<T>): Promise<T> {
  try {
    return await compute();
  } catch (error) {
    throw new Error(words(messageOf(error)), { cause: error });
  }
}

export interface EvaluationContext extends Situation {
  readonly client: Pick<MetricsClient, "resource" | "pods" | "object" | "external">;
  readonly namespace: string;
  /** Selector of the target's pods, as text. */
  readonly selector: string;
  /** status.replicas of the scale. */
  readonly statusReplicas: number;
  groupResource(reference: CrossVersionObjectReference): Promise<string>;
}

const milli = (text: string | undefined): number => Quantity.parse(text ?? "0").milliValue();
const quantity = (value: number): string => Quantity.fromMilli(Math.ceil(value)).toString();

/** Asks for a metric's figures and computes what they mean. Throws MetricError. */
export async function evaluate(metric: MetricSpec, ctx: EvaluationContext): Promise<Proposal> {
  switch (metric.type) {
    case "Resource":
      if (metric.resource === undefined) break;
      return await wrap("FailedGetResourceMetric", `failed to get ${metric.resource.name} resource metric value`, () =>
        resource(metric.resource?.name ?? "", undefined, metric.resource?.target, ctx),
      );
    case "ContainerResource": {
      const source = metric.containerResource;
      if (source === undefined) break;
      const what = `failed to get ${source.container} container metric value`;
      return await wrap("FailedGetContainerResourceMetric", what, () =>
        resource(source.name, source.container, source.target, ctx),
      );
    }
    case "Pods":
      if (metric.pods === undefined) break;
      return await wrap("FailedGetPodsMetric", "failed to get pods metric value", () => pods(metric, ctx));
    case "Object":
      if (metric.object === undefined) break;
      return await wrap("FailedGetObjectMetric", "failed to get object metric value", () => object(metric, ctx));
    case "External": {
      const name = metric.external?.metric.name;
      if (name === undefined) break;
      return await wrap("FailedGetExternalMetric", `failed to get ${name} external metric`, () =>
        external(metric, ctx),
      );
    }
    default:
  }
  throw new MetricError("InvalidMetricSourceType", "", `unknown metric source type ${JSON.stringify(metric.type)}`);
}

async function wrap(reason: string, what: string, compute: () => Promise<Proposal>): Promise<Proposal> {
  try {
    return await compute();
  } catch (error) {
    throw new MetricError(reason, what, messageOf(error), error);
  }
}

async function resource(
  name: string,
  container: string | undefined,
  target: MetricTarget | undefined,
  ctx: EvaluationContext,
): Promise<Proposal> {
  const figures = (): Promise<PodMetrics> =>
    saying(
      (error) => `unable to get metrics for resource ${name}: ${error}`,
      () => ctx.client.resource(ctx.namespace, ctx.selector, name, container),
    );
  const kind = container === undefined ? "resource" : "container resource";
  const status = (current: object): MetricStatus =>
    container === undefined
      ? { type: "Resource", resource: { name, current } }
      : { type: "ContainerResource", containerResource: { name, container, current } };
  const { averageValue, averageUtilization } = target ?? {};
  if (averageValue !== undefined) {
    const { replicas, average } = await saying(
      (error) => `failed to get ${name} usage: ${error}`,
      async () => forAverage(ctx, await figures(), { resource: name, target: milli(averageValue) }),
    );
    return { replicas, name: `${name} ${kind}`, status: status({ averageValue: quantity(average) }) };
  }
  if (averageUtilization === undefined) {
    throw new Error(
      "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set",
    );
  }
  const { replicas, percent, average } = await saying(
    (error) => `failed to get ${name} utilization: ${error}`,
    async () => forUtilization(ctx, await figures(), { resource: name, container, target: averageUtilization }),
  );
  return {
    replicas,
    name: `${name} ${kind} utilization (percentage of request)`,
    status: status({ averageUtilization: percent, averageValue: quantity(average) }),
  };
}

async function pods({ pods: source }: MetricSpec, ctx: EvaluationContext): Promise<Proposal> {
  if (source === undefined) throw new Error("no pods metric is given");
  const { name, selector } = source.metric;
  const metrics = await saying(
    (error) => `unable to get metric ${name}: ${error}`,
    () => ctx.client.pods(ctx.namespace, ctx.selector, name, metricSelectorText(selector)),
  );
  const { replicas, average } = forAverage(ctx, metrics, { resource: "", target: milli(source.target.averageValue) });
  return {
    replicas,
    name: `pods metric ${name}`,
    status: { type: "Pods", pods: { metric: source.metric, current: { averageValue: quantity(average) } } },
  };
}

async function object({ object: source }: MetricSpec, ctx: EvaluationContext): Promise<Proposal> {
  if (source === undefined) throw new Error("no object metric is given");
  const { describedObject, metric, target } = source;
  const { kind, name } = describedObject;
  const value = await saying(
    // The words stand in this order upstream.
    (error) => `unable to get metric ${metric.name}: ${kind} on ${ctx.namespace} ${name} ${error}`,
    async () =>
      ctx.client.object(
        ctx.namespace,
        describedObject,
        await ctx.groupResource(describedObject),
        metric.name,
        metricSelectorText(metric.selector),
      ),
  );
  const { replicas, current } = shared(value, target, ctx);
  return {
    replicas,
    name: `${describedObject.kind} metric ${metric.name}`,
    status: { type: "Object", object: { metric, describedObject, current } },
  };
}

async function external({ external: source }: MetricSpec, ctx: EvaluationContext): Promise<Proposal> {
  if (source === undefined) throw new Error("no external metric is given");
  const { metric, target } = source;
  const { namespace } = ctx;
  const values = await saying(
    (error) => `unable to get external metric ${namespace}/${metric.name}/${selectorInGo(metric.selector)}: ${error}`,
    () => ctx.client.external(namespace, metric.name, metricSelectorText(metric.selector)),
  );
  const value = values.reduce((sum, each) => sum + each, 0);
  const { replicas, current } = shared(value, target, ctx);
  return {
    replicas,
    name: `external metric ${metric.name}(${selectorInGo(metric.selector)})`,
    status: { type: "External", external: { metric, current } },
  };
}

/** A figure that is one for all pods: against a target for the whole, or one for each. */
function shared(value: number, target: MetricTarget, ctx: EvaluationContext): { replicas: number; current: object } {
  if (target.value !== undefined)
    return { replicas: forValue(ctx, value, milli(target.value)), current: { value: quantity(value) } };
  if (target.averageValue === undefined) throw new Error("neither a value target nor an average value target was set");
  const { replicas, average } = forValuePerPod(ctx, ctx.statusReplicas, value, milli(target.averageValue));
  return { replicas, current: { averageValue: quantity(average) } };
}

/** As upstream's messages show a selector. */
function selectorInGo(selector: LabelSelector | undefined): string {
  if (selector === undefined) return "nil";
  const labels = Object.entries(selector.matchLabels ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`)
    .join("");
  const expressions = (selector.matchExpressions ?? [])
    .map(
      ({ key, operator, values = [] }) =>
        `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],},`,
    )
    .join("");
  return `&LabelSelector{MatchLabels:map[string]string{${labels}},MatchExpressions:[]LabelSelectorRequirement{${expressions}},}`;
}
