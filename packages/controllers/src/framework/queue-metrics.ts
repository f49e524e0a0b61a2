import { WorkQueue } from "@knots/client";
import type { WorkQueueOptions } from "@knots/client";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Upstream's names of the queues of controllers whose own name says something else. */
const QUEUE_NAMES: Readonly<Record<string, string>> = {
  "bootstrap-signer-controller": "bootstrap_signer_queue",
  "certificatesigningrequest-approving-controller": "certificate",
  "certificatesigningrequest-cleaner-controller": "certificate_cleaner",
  "certificatesigningrequest-signing-controller": "certificate",
  "clusterrole-aggregation-controller": "ClusterRoleAggregator",
  "device-taint-eviction-controller": "device-taint-eviction-controller",
  "endpoints-controller": "endpoint",
  "endpointslice-controller": "endpoint_slice",
  "endpointslice-mirroring-controller": "endpoint_slice_mirroring",
  "ephemeral-volume-controller": "ephemeral_volume",
  "garbage-collector-controller": "garbage_collector_attempt_to_delete",
  "horizontal-pod-autoscaler-controller": "horizontalpodautoscaler",
  "job-orphan-pods": "job_orphan_pod",
  "node-lifecycle-controller": "node_lifecycle_controller",
  "persistentvolume-binder-controller": "claims",
  "persistentvolume-protection-controller": "pvprotection",
  "persistentvolumeclaim-protection-controller": "pvcprotection",
  "replicationcontroller-controller": "replicationmanager",
  "resourceclaim-controller": "resource_claim",
  "resourcequota-controller": "resourcequota_primary",
  "root-ca-certificate-publisher-controller": "root_ca_cert_publisher",
  "serviceaccount-token-controller": "serviceaccount_tokens_secret",
  "taint-eviction-controller": "noexec_taint_pod",
  "ttl-after-finished-controller": "ttl_jobs_to_delete",
  "ttl-controller": "ttlcontroller",
};

/** The name of a controller's queue in upstream's figures. */
export function queueNameOf(controller: string): string {
  return QUEUE_NAMES[controller] ?? controller.replace(/-controller$/, "").replaceAll("-", "_");
}

/** 10 ns to 1000 s, as upstream. */
const BUCKETS = Array.from({ length: 12 }, (_, i) => 10 ** (i - 8));
const SECOND = 1000;

/** Upstream's figures of work queues, under upstream's names. */
export class QueueMetrics {
  readonly #queues = new Map<string, WorkQueue>();
  readonly #adds: Counter<"name">;
  readonly #retries: Counter<"name">;
  readonly #waited: Histogram<"name">;
  readonly #worked: Histogram<"name">;

  /** Where figures of single controllers are shown as well. */
  readonly registry: Registry;

  constructor(registry: Registry = new Registry()) {
    this.registry = registry;
    const common = { labelNames: ["name"] as const, registers: [registry] };
    this.#adds = new Counter({
      ...common,
      name: "workqueue_adds_total",
      help: "Total number of adds handled by workqueue",
    });
    this.#retries = new Counter({
      ...common,
      name: "workqueue_retries_total",
      help: "Total number of retries handled by workqueue",
    });
    this.#waited = new Histogram({
      ...common,
      name: "workqueue_queue_duration_seconds",
      help: "How long in seconds an item stays in workqueue before being requested.",
      buckets: BUCKETS,
    });
    this.#worked = new Histogram({
      ...common,
      name: "workqueue_work_duration_seconds",
      help: "How long in seconds processing an item from workqueue takes.",
      buckets: BUCKETS,
    });
    const gauge = (name: string, help: string, value: (queue: WorkQueue) => number): void => {
      const made = new Gauge({
        ...common,
        name,
        help,
        collect: () => {
          for (const [label, queue] of this.#queues) made.set({ name: label }, value(queue));
        },
      });
    };
    gauge("workqueue_depth", "Current depth of workqueue", (queue) => queue.length);
    gauge(
      "workqueue_unfinished_work_seconds",
      "How many seconds of work has done that is in progress and hasn't been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases.",
      (queue) => queue.underWay.reduce((sum, ms) => sum + ms, 0) / SECOND,
    );
    gauge(
      "workqueue_longest_running_processor_seconds",
      "How many seconds has the longest running processor for workqueue been running.",
      (queue) => Math.max(0, ...queue.underWay) / SECOND,
    );
  }

  /** A queue whose figures are kept under upstream's name for it; a later one of that name takes its place. */
  queue(options: WorkQueueOptions): WorkQueue {
    const name = queueNameOf(options.name);
    const labels = { name };
    // Figures that nothing was added to yet are shown as well.
    this.#adds.inc(labels, 0);
    this.#retries.inc(labels, 0);
    this.#waited.zero(labels);
    this.#worked.zero(labels);
    const queue = new WorkQueue({
      ...options,
      observer: {
        added: () => this.#adds.inc(labels),
        retried: () => this.#retries.inc(labels),
        taken: (ms) => this.#waited.observe(labels, ms / SECOND),
        done: (ms) => this.#worked.observe(labels, ms / SECOND),
      },
    });
    this.#queues.set(name, queue);
    return queue;
  }
}
