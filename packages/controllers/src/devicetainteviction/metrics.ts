import { Counter, Histogram } from "prom-client";
import type { Registry } from "prom-client";

const PREFIX = "device_taint_eviction_controller";
/** Seconds. */
const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240];

/** Upstream's figures of pods that were deleted because of their devices, under upstream's names. */
export class DeletionMetrics {
  readonly #total: Counter;
  readonly #latency: Histogram;

  /** In a registry that has them already, from a manager that held the Lease before, they are counted on. */
  constructor(registry: Registry) {
    const [total, latency] = [`${PREFIX}_pod_deletions_total`, `${PREFIX}_pod_deletion_duration_seconds`];
    const known = [registry.getSingleMetric(total), registry.getSingleMetric(latency)];
    if (known[0] instanceof Counter && known[1] instanceof Histogram) {
      [this.#total, this.#latency] = [known[0], known[1]];
      return;
    }
    this.#total = new Counter({
      name: total,
      help: "Total number of Pods deleted by DeviceTaintEvictionController since its start.",
      registers: [registry],
    });
    this.#latency = new Histogram({
      name: latency,
      help: "Latency, in seconds, between the time when a device taint effect has been activated and a Pod's deletion via DeviceTaintEvictionController.",
      buckets: BUCKETS,
      registers: [registry],
    });
  }

  /** One more, so many seconds after its time had come. */
  deleted(latency: number): void {
    this.#total.inc();
    this.#latency.observe(latency);
  }
}
