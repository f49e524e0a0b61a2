import { Counter, Gauge, Histogram, Registry as MetricsRegistry, collectDefaultMetrics } from "prom-client";
import type { Observation } from "./handler-chain.ts";

const DURATION_BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

/** /metrics under upstream's names; one registry per server, so that several can live in a process. */
export class Metrics {
  readonly #registry = new MetricsRegistry();
  readonly #requests: Counter<"verb" | "group" | "version" | "resource" | "subresource" | "scope" | "code">;
  readonly #more: (() => string)[] = [];
  readonly #durations: Histogram<"verb" | "group" | "version" | "resource" | "subresource" | "scope">;

  constructor(gauges: { inFlight(): number; storedObjects(): Iterable<{ resource: string; count: number }> }) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: "apiserver_request_total",
      help: "Counter of apiserver requests broken out for each verb, group, version, resource, scope and HTTP response code.",
      labelNames: ["verb", "group", "version", "resource", "subresource", "scope", "code"],
      registers,
    });
    this.#durations = new Histogram({
      name: "apiserver_request_duration_seconds",
      help: "Response latency distribution in seconds for each verb, group, version, resource, subresource and scope.",
      labelNames: ["verb", "group", "version", "resource", "subresource", "scope"],
      buckets: DURATION_BUCKETS,
      registers,
    });
    new Gauge({
      name: "apiserver_current_inflight_requests",
      help: "Number of requests that are being served.",
      registers,
      collect() {
        this.set(gauges.inFlight());
      },
    });
    new Gauge({
      name: "apiserver_storage_objects",
      help: "Number of stored objects by resource.",
      labelNames: ["resource"],
      registers,
      collect() {
        for (const { resource, count } of gauges.storedObjects()) this.set({ resource }, count);
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  observe({ info, status, milliseconds }: Observation): void {
    if (!info.isResourceRequest) return;
    const labels = {
      verb: info.verb.toUpperCase(),
      group: info.apiGroup,
      version: info.apiVersion,
      resource: info.resource,
      subresource: info.subresource,
      scope: info.name !== "" ? "resource" : info.namespace !== "" ? "namespace" : "cluster",
    };
    this.#requests.inc({ ...labels, code: String(status) });
    if (info.verb !== "watch") this.#durations.observe(labels, milliseconds / 1000);
  }

  /** Text of figures that are kept elsewhere, in Prometheus' format. */
  add(render: () => string): void {
    this.#more.push(render);
  }

  async render(): Promise<string> {
    const own = await this.#registry.metrics();
    return [own, ...this.#more.map((render) => render())].join("\n");
  }
}
