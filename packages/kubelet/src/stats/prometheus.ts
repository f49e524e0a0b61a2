/** /metrics/resource and /metrics/cadvisor in Prometheus' text format. Pure. */
import type { ContainerFigures, NodeFigures, PodFigures } from "./stats-provider.ts";
import type { Usage } from "./usage.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number | undefined, at: number];

/** One metric with its samples; those without a value are left out, and a metric without samples is none. */
export function metric(name: string, type: "counter" | "gauge", help: string, samples: readonly Sample[]): string {
  const lines = samples.flatMap(([labels, value, at]) =>
    value === undefined ? [] : [`${name}${labelText(labels)} ${value} ${Math.round(at)}\n`],
  );
  return lines.length === 0 ? "" : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, escape)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escape(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}

function seconds(usage: Usage | undefined): number | undefined {
  return usage?.cpuNanoseconds === undefined ? undefined : usage.cpuNanoseconds / 1e9;
}

/** What metrics-server reads. */
export function resourceMetrics(figures: NodeFigures): string {
  const { usage, pods } = figures;
  const containers = each(pods);
  const podLabels = ({ pod }: PodFigures): Labels => ({
    namespace: pod.metadata?.namespace ?? "",
    pod: pod.metadata?.name ?? "",
  });
  const labels = ([pod, { name }]: [PodFigures, ContainerFigures]): Labels => ({ container: name, ...podLabels(pod) });
  const memory = (of: Usage | undefined): number | undefined => of?.memory?.workingSetBytes;
  const failed = figures.errors.length > 0 ? 1 : 0;
  return [
    metric(
      "container_cpu_usage_seconds_total",
      "counter",
      "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
      containers.map((one) => [labels(one), seconds(one[1].usage), one[1].usage.at]),
    ),
    metric(
      "container_memory_working_set_bytes",
      "gauge",
      "[STABLE] Current working set of the container in bytes",
      containers.map((one) => [labels(one), memory(one[1].usage), one[1].usage.at]),
    ),
    metric(
      "container_start_time_seconds",
      "gauge",
      "[STABLE] Start time of the container since unix epoch in seconds",
      containers.map((one) => [labels(one), one[1].startedAt / 1000, one[1].usage.at]),
    ),
    metric(
      "node_cpu_usage_seconds_total",
      "counter",
      "[STABLE] Cumulative cpu time consumed by the node in core-seconds",
      [[{}, seconds(usage), usage.at]],
    ),
    metric("node_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the node in bytes", [
      [{}, memory(usage), usage.at],
    ]),
    metric(
      "pod_cpu_usage_seconds_total",
      "counter",
      "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
      pods.map((pod) => [podLabels(pod), seconds(pod.usage), pod.usage?.at ?? 0]),
    ),
    metric(
      "pod_memory_working_set_bytes",
      "gauge",
      "[STABLE] Current working set of the pod in bytes",
      pods.map((pod) => [podLabels(pod), memory(pod.usage), pod.usage?.at ?? 0]),
    ),
    `# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise\n# TYPE resource_scrape_error gauge\nresource_scrape_error ${failed}\n`,
  ].join("");
}

/** The part of cAdvisor's metrics that dashboards and alerts are made of. */
export function cadvisorMetrics(figures: NodeFigures): string {
  const rows: { labels: Labels; usage: Usage | undefined; startedAt: number }[] = [
    {
      labels: { container: "", id: "/", image: "", name: "", namespace: "", pod: "" },
      usage: figures.usage,
      startedAt: figures.startedAt,
    },
  ];
  for (const pod of figures.pods) {
    const { namespace = "", name: podName = "", uid = "" } = pod.pod.metadata ?? {};
    const labels = { container: "", id: `/kubepods/pod${uid}`, image: "", name: "", namespace, pod: podName };
    rows.push({ labels, usage: pod.usage, startedAt: pod.startedAt });
    for (const { name, id, image, usage, startedAt } of pod.containers) {
      rows.push({
        labels: { ...labels, container: name, id: `${labels.id}/${id}`, image, name: id },
        usage,
        startedAt,
      });
    }
  }
  const of = (
    name: string,
    type: "counter" | "gauge",
    help: string,
    value: (usage: Usage) => number | undefined,
    more: Labels = {},
  ): string =>
    metric(
      name,
      type,
      help,
      rows.map(({ labels, usage }) => [
        { ...labels, ...more },
        usage === undefined ? undefined : value(usage),
        usage?.at ?? 0,
      ]),
    );
  const networks = figures.pods.flatMap(({ pod, network }) =>
    network.map((each) => ({
      each,
      labels: {
        id: `/kubepods/pod${pod.metadata?.uid ?? ""}`,
        interface: each.name,
        namespace: pod.metadata?.namespace ?? "",
        pod: pod.metadata?.name ?? "",
      },
    })),
  );
  const net = (name: string, help: string, value: (each: (typeof networks)[number]["each"]) => number): string =>
    metric(
      name,
      "counter",
      help,
      networks.map(({ each, labels }) => [labels, value(each), figures.at]),
    );
  return [
    of("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.", seconds, {
      cpu: "total",
    }),
    of(
      "container_memory_usage_bytes",
      "gauge",
      "Current memory usage in bytes, including all memory regardless of when it was accessed",
      ({ memory }) => memory?.usageBytes,
    ),
    of(
      "container_memory_working_set_bytes",
      "gauge",
      "Current working set in bytes.",
      ({ memory }) => memory?.workingSetBytes,
    ),
    of("container_memory_rss", "gauge", "Size of RSS in bytes.", ({ memory }) => memory?.rssBytes),
    metric(
      "container_start_time_seconds",
      "gauge",
      "Start time of the container since unix epoch in seconds.",
      rows.map(({ labels, startedAt }) => [labels, startedAt / 1000, figures.at]),
    ),
    metric(
      "container_fs_usage_bytes",
      "gauge",
      "Number of bytes that are consumed by the container on this filesystem.",
      each(figures.pods).map(([{ pod }, { name, id, image, rootfs, usage }]) => [
        { container: name, image, name: id, namespace: pod.metadata?.namespace ?? "", pod: pod.metadata?.name ?? "" },
        rootfs?.usedBytes,
        usage.at,
      ]),
    ),
    net("container_network_receive_bytes_total", "Cumulative count of bytes received", ({ rxBytes }) => rxBytes),
    net(
      "container_network_receive_errors_total",
      "Cumulative count of errors encountered while receiving",
      ({ rxErrors }) => rxErrors,
    ),
    net("container_network_transmit_bytes_total", "Cumulative count of bytes transmitted", ({ txBytes }) => txBytes),
    net(
      "container_network_transmit_errors_total",
      "Cumulative count of errors encountered while transmitting",
      ({ txErrors }) => txErrors,
    ),
  ].join("");
}

function each(pods: readonly PodFigures[]): [PodFigures, ContainerFigures][] {
  return pods.flatMap((pod) => pod.containers.map((container): [PodFigures, ContainerFigures] => [pod, container]));
}
