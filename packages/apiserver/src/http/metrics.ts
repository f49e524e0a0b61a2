import { Gauge, Registry as MetricsRegistry, collectDefaultMetrics } from "prom-client";
import type { Observation } from "./handler-chain.ts";
import { RequestMetrics } from "./request-metrics.ts";

/** /metrics under upstream's names; one registry per server, so that several can live in a process. */
export class Metrics {
  readonly #registry = new MetricsRegistry();
  readonly #requests = new RequestMetrics();
  readonly #more: (() => string)[] = [];

  constructor(gauges: { inFlight(): number; storedObjects(): Iterable<{ resource: string; count: number }> }) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
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

  observe(observation: Observation): void {
    this.#requests.observe(observation);
  }

  /** Text of figures that are kept elsewhere, in Prometheus' format. */
  add(render: () => string): void {
    this.#more.push(render);
  }

  async render(): Promise<string> {
    const own = await this.#registry.metrics();
    return [own, this.#requests.render(), ...this.#more.map((render) => render())].join("\n");
  }
}
