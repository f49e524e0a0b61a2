/** /metrics: the kubelet about itself. */
import type { KubeletView } from "./types.ts";

export function kubeletMetrics(view: KubeletView): string {
  const pods = view.pods();
  const containers = pods.flatMap((pod) => view.runtimeStatus(pod.metadata?.uid ?? "")?.containers ?? []);
  const byState = new Map<string, number>();
  for (const { state } of containers) byState.set(state, (byState.get(state) ?? 0) + 1);
  const { user, system } = process.cpuUsage();
  return [
    metric("kubelet_node_name", "gauge", "The node's name. The count is always 1.", [[`{node="${view.nodeName}"}`, 1]]),
    metric("kubelet_running_pods", "gauge", "Number of pods that have a running pod sandbox", [
      ["", pods.filter((pod) => view.runtimeStatus(pod.metadata?.uid ?? "")?.sandboxes[0]?.ready === true).length],
    ]),
    metric(
      "kubelet_running_containers",
      "gauge",
      "Number of containers currently running",
      [...byState].map(([state, count]) => [`{container_state="${state}"}`, count]),
    ),
    metric("kubelet_desired_pods", "gauge", "The number of pods the kubelet is being instructed to run.", [
      ["", pods.length],
    ]),
    metric("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", [
      ["", (user + system) / 1e6],
    ]),
    metric("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", [
      ["", process.memoryUsage.rss()],
    ]),
  ].join("");
}

function metric(
  name: string,
  type: "counter" | "gauge",
  help: string,
  samples: readonly (readonly [labels: string, value: number])[],
): string {
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}
