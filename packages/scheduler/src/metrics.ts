import { Counter, Gauge, Histogram, Registry } from "prom-client";

export type AttemptResult = "scheduled" | "unschedulable" | "error";

/** Upstream's figures of a scheduler, under upstream's names. */
export class SchedulerMetrics {
  readonly registry = new Registry();
  readonly #attempts: Counter<"result" | "profile">;
  readonly #duration: Histogram<"result" | "profile">;
  readonly #profile: string;

  /** `sizes`: how many pods wait, by queue. */
  constructor(profile: string, sizes: () => Readonly<Record<string, number>>) {
    this.#profile = profile;
    const registers = [this.registry];
    this.#attempts = new Counter({
      name: "scheduler_schedule_attempts_total",
      help: "Number of attempts to schedule pods, by the result.",
      labelNames: ["result", "profile"],
      registers,
    });
    this.#duration = new Histogram({
      name: "scheduler_scheduling_attempt_duration_seconds",
      help: "Scheduling attempt latency in seconds (scheduling algorithm + binding)",
      labelNames: ["result", "profile"],
      buckets: Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i),
      registers,
    });
    const pending = new Gauge({
      name: "scheduler_pending_pods",
      help: "Number of pending pods, by the queue type.",
      labelNames: ["queue"],
      registers,
      collect: () => {
        for (const [queue, size] of Object.entries(sizes())) pending.set({ queue }, size);
      },
    });
  }

  startAttempt(): (result: AttemptResult) => void {
    const start = performance.now();
    return (result) => {
      const labels = { result, profile: this.#profile };
      this.#attempts.inc(labels);
      this.#duration.observe(labels, (performance.now() - start) / 1000);
    };
  }
}
