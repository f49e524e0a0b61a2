// NodeMetrics and PodMetrics (metrics.k8s.io/v1beta1), and the Table of them as metrics-server makes it. Pure.
import type { Node, Pod } from "@knots/api/core/v1";
import type { NodeMetrics, PodMetrics } from "@knots/api/metrics/v1beta1";
import { Quantity, formatDuration, formatTime } from "@knots/machinery";
import type { Measured } from "./metrics-store.ts";

export const API_VERSION = "metrics.k8s.io/v1beta1";

interface Usage {
  readonly cpu: string;
  readonly memory: string;
}

function usageOf({ nanoCores, memoryBytes }: Measured): Usage {
  return {
    cpu: Quantity.parse(`${nanoCores}n`).toString(),
    memory: Quantity.fromBytes(Math.round(memoryBytes)).toString(),
  };
}

export function nodeMetricsOf(node: Node, measured: Measured, now: number): NodeMetrics {
  return {
    kind: "NodeMetrics",
    apiVersion: API_VERSION,
    metadata: metadataOf(node, now),
    timestamp: formatTime(new Date(measured.at)),
    window: windowOf(measured.windowMs),
    usage: { ...usageOf(measured) },
  };
}

export function podMetricsOf(pod: Pod, measured: ReadonlyMap<string, Measured>, now: number): PodMetrics {
  const all = [...measured.values()];
  return {
    kind: "PodMetrics",
    apiVersion: API_VERSION,
    metadata: { ...metadataOf(pod, now), namespace: pod.metadata?.namespace ?? "" },
    // The time all of them are known for.
    timestamp: formatTime(new Date(Math.min(...all.map(({ at }) => at)))),
    window: windowOf(Math.max(...all.map(({ windowMs }) => windowMs))),
    containers: [...measured].map(([name, one]) => ({ name, usage: { ...usageOf(one) } })),
  };
}

function metadataOf({ metadata }: Node | Pod, now: number): NonNullable<NodeMetrics["metadata"]> {
  return {
    name: metadata?.name ?? "",
    ...(metadata?.labels === undefined ? {} : { labels: metadata.labels }),
    creationTimestamp: formatTime(new Date(now)),
  };
}

function windowOf(ms: number): string {
  return formatDuration(Math.round(ms));
}

/** metrics-server's columns. `metaVersion`: of meta.k8s.io. */
export function metricsTable(items: readonly (NodeMetrics | PodMetrics)[], metaVersion: string): object {
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${metaVersion}`,
    metadata: {},
    columnDefinitions: [
      column("Name", "name", "Name of the resource"),
      column("cpu", "quantity"),
      column("memory", "quantity"),
      column("Window", "duration"),
    ],
    rows: items.map((item) => {
      const { cpu, memory } = totals(item);
      return { cells: [item.metadata?.name ?? "", cpu, memory, item.window], object: item };
    }),
  };
}

function column(name: string, format: string, description = ""): object {
  return { name, type: "string", format, description, priority: 0 };
}

function totals(item: NodeMetrics | PodMetrics): Usage {
  const usages = "containers" in item ? item.containers.map(({ usage }) => usage) : [item.usage];
  const sum = (name: string): string =>
    usages
      .map((usage) => Quantity.parse(String(usage[name] ?? "0")))
      .reduce((a, b) => a.add(b))
      .toString();
  return { cpu: sum("cpu"), memory: sum("memory") };
}
