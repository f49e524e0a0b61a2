/** The paths that tell in figures how the node is: Summary, Prometheus metrics, the configuration. */
import { cadvisorMetrics, resourceMetrics } from "../stats/prometheus.ts";
import { summaryOf } from "../stats/summary.ts";
import { kubeletMetrics } from "./kubelet-metrics.ts";
import type { KubeletView } from "./types.ts";

export interface TextAnswer {
  readonly contentType: string;
  readonly text: string;
}

/** Undefined: the path is none of these. */
export async function figuresAnswer(view: KubeletView, url: URL): Promise<TextAnswer | undefined> {
  switch (url.pathname) {
    case "/stats/summary": {
      const only = ["1", "true"].includes(url.searchParams.get("only_cpu_and_memory") ?? "");
      return json(summaryOf(view.nodeName, await view.figures(), only));
    }
    case "/metrics":
      return prometheus(kubeletMetrics(view));
    case "/metrics/resource":
      return prometheus(resourceMetrics(await view.figures()));
    case "/metrics/cadvisor":
      return prometheus(cadvisorMetrics(await view.figures()));
    case "/metrics/probes":
      return prometheus(view.probeMetrics());
    case "/configz":
      return json({ kubeletconfig: view.configuration() });
    default:
      return undefined;
  }
}

function json(value: unknown): TextAnswer {
  return { contentType: "application/json", text: JSON.stringify(value) };
}

function prometheus(text: string): TextAnswer {
  return { contentType: "text/plain; version=0.0.4; charset=utf-8", text };
}
