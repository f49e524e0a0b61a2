import type { Registry as MetricsRegistry } from "prom-client";
import type { Observation } from "./handler-chain.ts";
import { RequestMetrics } from "./request-metrics.ts";

interface Gauges {
  inFlight(): number;
  storedObjects(): Iterable<{ resource: string; count: number }>;
}

/** /metrics under upstream's names; one registry per server, so that several can live in a process. */
export class Metrics {
  readonly contentType = "text/plain; version=0.0.4; charset=utf-8";
  readonly #gauges: Gauges;
  readonly #requests = new RequestMetrics();
  readonly #more: (() => string)[] = [];
  #registry: Promise<MetricsRegistry> | undefined;

  constructor(gauges: Gauges) {
    this.#gauges = gauges;
  }

  observe(observation: Observation): void {
    this.#requests.observe(observation);
  }

  /** Counts requests anew. */
  reset(): void {
    this.#requests.reset();
  }

  /** Text of figures that are kept elsewhere, in Prometheus' format. */
  add(render: () => string): void {
    this.#more.push(render);
  }

  async render(): Promise<string> {
    this.#registry ??= newRegistry(this.#gauges);
    const own = await (await this.#registry).metrics();
    return [own, this.#requests.render(), ...this.#more.map((render) => render())].join("\n");
  }
}

/** Made when somebody first asks: the process's own metrics need observers that wake it a hundred times a second. */
async function newRegistry(gauges: Gauges): Promise<MetricsRegistry> {
  // A CommonJS module: once it is bundled, an import() of it gives `default` alone, and no names.
  const { Gauge, Registry, collectDefaultMetrics } = (await import("prom-client")).default;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
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
  return registry;
}
