import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** What KubeProxy tells of its work. */
export interface SyncObserver {
  queued(): void;
  synced(seconds: number): void;
  failed(): void;
  /** Service ports that have endpoints, but none on this node under a Local policy. */
  withoutLocalEndpoints(internal: number, external: number): void;
  /** From the change of a pod or Service to the rules that follow it. */
  programmed(seconds: number): void;
}

const IPV4 = { ip_family: "IPv4" };

/** Upstream's figures of kube-proxy, under upstream's names. */
export class ProxyMetrics implements SyncObserver {
  readonly registry = new Registry();
  readonly #duration: Histogram<"ip_family">;
  readonly #programming: Histogram<"ip_family">;
  readonly #failures: Counter<"ip_family">;
  readonly #last: Gauge<"ip_family">;
  readonly #lastQueued: Gauge<"ip_family">;
  readonly #noLocal: Gauge<"ip_family" | "traffic_policy">;
  readonly #probes: Record<"healthz" | "livez", Counter<"code">>;

  constructor() {
    const registers = [this.registry];
    const labelNames = ["ip_family"] as const;
    this.#duration = new Histogram({
      name: "kubeproxy_sync_proxy_rules_duration_seconds",
      help: "SyncProxyRules latency in seconds",
      labelNames,
      buckets: Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i),
      registers,
    });
    this.#programming = new Histogram({
      name: "kubeproxy_network_programming_duration_seconds",
      help: "In Cluster Network Programming Latency in seconds",
      labelNames,
      buckets: [0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 30, 45, 60, 120, 180, 240, 300],
      registers,
    });
    this.#failures = new Counter({
      name: "kubeproxy_sync_proxy_rules_nftables_sync_failures_total",
      help: "Cumulative proxy nftables sync failures",
      labelNames,
      registers,
    });
    this.#last = new Gauge({
      name: "kubeproxy_sync_proxy_rules_last_timestamp_seconds",
      help: "The last time proxy rules were successfully synced",
      labelNames,
      registers,
    });
    this.#lastQueued = new Gauge({
      name: "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds",
      help: "The last time a sync of proxy rules was queued",
      labelNames,
      registers,
    });
    this.#noLocal = new Gauge({
      name: "kubeproxy_sync_proxy_rules_no_local_endpoints_total",
      help: "Number of services with a Local traffic policy and no endpoints",
      labelNames: ["ip_family", "traffic_policy"],
      registers,
    });
    this.#probes = {
      healthz: new Counter({
        name: "kubeproxy_proxy_healthz_total",
        help: "Cumulative proxy healthz HTTP status",
        labelNames: ["code"],
        registers,
      }),
      livez: new Counter({
        name: "kubeproxy_proxy_livez_total",
        help: "Cumulative proxy livez HTTP status",
        labelNames: ["code"],
        registers,
      }),
    };
  }

  queued(): void {
    this.#lastQueued.setToCurrentTime(IPV4);
  }

  synced(seconds: number): void {
    this.#duration.observe(IPV4, seconds);
    this.#last.setToCurrentTime(IPV4);
  }

  failed(): void {
    this.#failures.inc(IPV4);
  }

  withoutLocalEndpoints(internal: number, external: number): void {
    this.#noLocal.set({ ...IPV4, traffic_policy: "internal" }, internal);
    this.#noLocal.set({ ...IPV4, traffic_policy: "external" }, external);
  }

  programmed(seconds: number): void {
    this.#programming.observe(IPV4, seconds);
  }

  /** /healthz or /livez was asked and answered so. */
  probed(path: "healthz" | "livez", code: number): void {
    this.#probes[path].inc({ code: String(code) });
  }
}
