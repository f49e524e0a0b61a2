import type { CrossVersionObjectReference } from "@knots/api/autoscaling/v2";
import type { Client } from "@knots/client";
import type { LabelSelector } from "@knots/machinery";
import { parseDuration, Quantity, selectorFromLabelSelector } from "@knots/machinery";
import { timeOf } from "../framework/objects.ts";
import { messageOf } from "../framework/pod-control.ts";

/** One pod's figure, in thousandths. */
export interface PodMetric {
  readonly value: number;
  /** When it was measured, and over how long, ms. */
  readonly timestamp: number;
  readonly window: number;
}

export type PodMetrics = ReadonlyMap<string, PodMetric>;

interface PodMetricsList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly timestamp: string;
    readonly window: string;
    readonly containers: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[];
  }[];
}

interface MetricValueList {
  readonly items: readonly {
    readonly describedObject: { readonly name: string };
    readonly timestamp: string;
    readonly windowSeconds?: number;
    readonly value: string;
  }[];
}

/** Adapters that do not say over how long they measured mean this. */
const DEFAULT_WINDOW = 60_000;
/** Ms for which the version that a metrics API prefers is taken as known. */
const VERSION_LIFE = 600_000;

function milli(text: string): number {
  return Quantity.parse(text).milliValue();
}

/** Usage by pod: of one container where it is named, else of all; a pod without a figure for each of them is left out. Pure. */
export function resourceMetrics(list: PodMetricsList, resource: string, container?: string): Map<string, PodMetric> {
  const metrics = new Map<string, PodMetric>();
  for (const { metadata, timestamp, window, containers } of list.items) {
    const counted = container === undefined ? containers : containers.filter(({ name }) => name === container);
    if (container !== undefined && counted.length === 0)
      throw new Error(`container ${container} not present in metrics for pod ${metadata.name}`);
    const values = counted.map(({ usage }) => usage[resource]);
    if (values.length === 0 || values.includes(undefined)) continue;
    metrics.set(metadata.name, {
      value: values.reduce((sum, value) => sum + milli(value ?? "0"), 0),
      timestamp: timeOf(timestamp) ?? 0,
      window: parseDuration(window),
    });
  }
  return metrics;
}

/** Asks the three metrics APIs, through the API server as everybody does. Every error says what could not be got. */
export class MetricsClient {
  readonly #client: Client;
  readonly #now: () => number;
  readonly #versions = new Map<string, { at: number; version: string }>();

  constructor(client: Client, now: () => number) {
    this.#client = client;
    this.#now = now;
  }

  async resource(namespace: string, selector: string, resource: string, container?: string): Promise<PodMetrics> {
    let list: PodMetricsList;
    try {
      list = (await this.#client.request("GET", `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`, {
        query: { labelSelector: selector },
      })) as PodMetricsList;
    } catch (error) {
      throw new Error(`unable to fetch metrics from resource metrics API: ${messageOf(error)}`, { cause: error });
    }
    if (list.items.length === 0) throw new Error("no metrics returned from resource metrics API");
    return resourceMetrics(list, resource, container);
  }

  async pods(namespace: string, selector: string, metric: string, metricSelector: string): Promise<PodMetrics> {
    const { items } = await this.#custom(`namespaces/${namespace}/pods/*/${metric}`, {
      labelSelector: selector,
      metricLabelSelector: metricSelector,
    });
    if (items.length === 0) throw new Error("no metrics returned from custom metrics API");
    return new Map(
      items.map(({ describedObject, timestamp, windowSeconds, value }) => [
        describedObject.name,
        {
          value: milli(value),
          timestamp: timeOf(timestamp) ?? 0,
          window: windowSeconds === undefined ? DEFAULT_WINDOW : windowSeconds * 1000,
        },
      ]),
    );
  }

  /** `resource`: the plural of the object's kind with its group, "ingresses.networking.k8s.io". */
  async object(
    namespace: string,
    { kind, name }: CrossVersionObjectReference,
    resource: string,
    metric: string,
    metricSelector: string,
  ): Promise<number> {
    const path =
      kind === "Namespace"
        ? `namespaces/${name}/metrics/${metric}`
        : `namespaces/${namespace}/${resource}/${name}/${metric}`;
    const { items } = await this.#custom(path, { metricLabelSelector: metricSelector });
    const [only] = items;
    if (only === undefined) throw new Error("no metrics returned from custom metrics API");
    return milli(only.value);
  }

  async external(namespace: string, metric: string, metricSelector: string): Promise<number[]> {
    const version = await this.#version("external.metrics.k8s.io");
    const path = `/apis/external.metrics.k8s.io/${version}/namespaces/${namespace}/${metric}`;
    let list: MetricValueList;
    try {
      list = (await this.#client.request("GET", path, { query: { labelSelector: metricSelector } })) as MetricValueList;
    } catch (error) {
      throw new Error(`unable to fetch metrics from external metrics API: ${messageOf(error)}`, { cause: error });
    }
    if (list.items.length === 0) throw new Error("no metrics returned from external metrics API");
    return list.items.map(({ value }) => milli(value));
  }

  async #custom(path: string, query: Record<string, string>): Promise<MetricValueList> {
    try {
      const version = await this.#version("custom.metrics.k8s.io");
      return (await this.#client.request("GET", `/apis/custom.metrics.k8s.io/${version}/${path}`, {
        query,
      })) as MetricValueList;
    } catch (error) {
      throw new Error(`unable to fetch metrics from custom metrics API: ${messageOf(error)}`, { cause: error });
    }
  }

  async #version(group: string): Promise<string> {
    const known = this.#versions.get(group);
    if (known !== undefined && this.#now() - known.at < VERSION_LIFE) return known.version;
    const { preferredVersion } = (await this.#client.request("GET", `/apis/${group}`)) as {
      preferredVersion: { version: string };
    };
    this.#versions.set(group, { at: this.#now(), version: preferredVersion.version });
    return preferredVersion.version;
  }
}

/** The text of a metric's selector; none selects everything. */
export function metricSelectorText(selector: LabelSelector | undefined): string {
  return selector === undefined ? "" : selectorFromLabelSelector(selector).toString();
}
