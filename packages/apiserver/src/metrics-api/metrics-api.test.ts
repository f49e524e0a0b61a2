import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeClock, nullLogger } from "@knots/machinery";
import { metricsTable, nodeMetricsOf, podMetricsOf } from "./documents.ts";
import { MetricsStore } from "./metrics-store.ts";
import { parseResourceMetrics } from "./parse-resource-metrics.ts";
import { Scraper } from "./scraper.ts";

/** As a kubelet tells it. `started` and `at` in seconds. */
function text(at: number, cpu: number, memory = 1024, started = 100): string {
  const labels = '{container="c",namespace="ns",pod="p"}';
  return `# HELP container_cpu_usage_seconds_total [STABLE] Cumulative
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total${labels} ${cpu} ${at * 1000}
container_memory_working_set_bytes${labels} ${memory} ${at * 1000}
container_start_time_seconds${labels} ${started} ${at * 1000}
node_cpu_usage_seconds_total ${cpu * 10} ${at * 1000}
node_memory_working_set_bytes ${memory * 10} ${at * 1000}
resource_scrape_error 0
`;
}

test("a kubelet's text is read; what is not whole is left out", () => {
  const reading = parseResourceMetrics(
    `${text(200, 1.5)}container_cpu_usage_seconds_total{container="x",namespace="ns",pod="p"} 1e-05 200000\n{}\nnonsense\n`,
  );
  expect(reading.node).toEqual({ at: 200_000, cpuSeconds: 15, memoryBytes: 10_240 });
  expect([...reading.pods.keys()]).toEqual(["ns/p"]);
  expect(Object.fromEntries(reading.pods.get("ns/p") ?? [])).toEqual({
    c: { at: 200_000, cpuSeconds: 1.5, memoryBytes: 1024, startedAt: 100_000 },
  });
});

describe("between two readings", () => {
  const store = new MetricsStore();
  beforeEach(() => store.clear());
  const add = (at: number, cpu: number, started = 100): void =>
    store.store("n", parseResourceMetrics(text(at, cpu, 1024, started)), at * 1000);

  test("CPU is what was used, a second", () => {
    add(200, 1);
    expect(store.node("n")).toBeUndefined();
    add(215, 2.5);
    expect(store.node("n")).toEqual({ at: 215_000, windowMs: 15_000, nanoCores: 1e9, memoryBytes: 10_240 });
    expect(store.pod("ns", "p")?.get("c")).toMatchObject({ windowMs: 15_000, nanoCores: 1e8, memoryBytes: 1024 });
  });
  test("a container that started anew is measured since then", () => {
    add(200, 50);
    add(215, 1, 205);
    expect(store.pod("ns", "p")?.get("c")).toMatchObject({ windowMs: 10_000, nanoCores: 1e8 });
  });
  test("one that has just started is not measured yet", () => {
    add(200, 50);
    add(215, 0.1, 214.5);
    expect(store.pod("ns", "p")).toBeUndefined();
  });
  test("the same reading again changes nothing", () => {
    add(200, 1);
    add(215, 2.5);
    add(215, 2.5);
    expect(store.node("n")?.windowMs).toBe(15_000);
  });
  test("what is gone or old is forgotten", () => {
    add(200, 1);
    add(215, 2);
    store.sweep(new Set(["n"]), 275_000);
    expect(store.pod("ns", "p")).toBeDefined();
    store.sweep(new Set(["n"]), 275_001);
    expect([store.node("n"), store.pod("ns", "p")]).toEqual([undefined, undefined]);
    add(300, 3);
    store.sweep(new Set(), 300_000);
    add(315, 4);
    expect(store.node("n")).toBeUndefined();
  });
});

describe("kubelets are read", () => {
  const clock = new FakeClock();
  const store = new MetricsStore();
  let reads: string[];
  let scraper: Scraper;
  let slow: Promise<void> | undefined;
  beforeEach(() => {
    reads = [];
    slow = undefined;
    scraper = new Scraper({
      store,
      clock,
      logger: nullLogger,
      nodes: () => ["a", "b"],
      read: async (node) => {
        reads.push(node);
        await slow;
        if (node === "b") throw new Error("it is down");
        return text(clock.now() / 1000, reads.length);
      },
    });
  });
  afterEach(() => {
    scraper[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });

  test("twice for the first question, then each fifteen seconds until nobody has asked for two minutes", async () => {
    expect(reads).toEqual([]);
    const first = scraper.wanted();
    await clock.advance(1499);
    expect(store.node("a")).toBeUndefined();
    await clock.advance(1);
    await first;
    expect(store.node("a")).toBeDefined();
    expect(store.node("b")).toBeUndefined();
    reads.length = 0;
    await scraper.wanted();
    expect(reads).toEqual([]);
    await clock.advance(120_000);
    expect(reads.length).toBe(16);
    await clock.advance(15_000);
    expect([reads.length, clock.pending]).toEqual([16, 0]);
    expect(store.node("a")).toBeUndefined();
    const again = scraper.wanted();
    await clock.advance(1500);
    await again;
    expect(store.node("a")).toBeDefined();
  });

  test("one round at a time", async () => {
    const first = scraper.wanted();
    await clock.advance(1500);
    await first;
    reads.length = 0;
    let go: () => void = () => undefined;
    slow = new Promise((resolve) => {
      go = resolve;
    });
    await clock.advance(45_000);
    expect(reads).toEqual(["a", "b"]);
    go();
    slow = undefined;
    await clock.advance(15_000);
    expect(reads).toEqual(["a", "b", "a", "b"]);
  });

  test("no more after the end", async () => {
    const first = scraper.wanted();
    await clock.advance(0);
    scraper[Symbol.dispose]();
    await first;
    await clock.advance(60_000);
    expect(reads).toEqual(["a", "b"]);
  });
});

describe("the documents", () => {
  const now = Date.UTC(2026, 0, 1);
  const measured = { at: now - 1000, windowMs: 15_003, nanoCores: 2_547_811, memoryBytes: 11_284_480 };
  const pod = podMetricsOf(
    { metadata: { name: "p", namespace: "ns", labels: { a: "b" } } },
    new Map([
      ["c", measured],
      ["d", { ...measured, at: now - 3000, windowMs: 10_000, nanoCores: 250_000_000 }],
    ]),
    now,
  );

  test("are metrics-server's", () => {
    expect(pod).toEqual({
      kind: "PodMetrics",
      apiVersion: "metrics.k8s.io/v1beta1",
      metadata: { name: "p", namespace: "ns", labels: { a: "b" }, creationTimestamp: "2026-01-01T00:00:00Z" },
      timestamp: "2025-12-31T23:59:57Z",
      window: "15.003s",
      containers: [
        { name: "c", usage: { cpu: "2547811n", memory: "11020Ki" } },
        { name: "d", usage: { cpu: "250m", memory: "11020Ki" } },
      ],
    });
    expect(nodeMetricsOf({ metadata: { name: "n" } }, measured, now)).toMatchObject({
      kind: "NodeMetrics",
      window: "15.003s",
      usage: { cpu: "2547811n", memory: "11020Ki" },
    });
  });

  test("as a table are the sums of a pod's containers", () => {
    expect(metricsTable([pod], "v1")).toMatchObject({
      kind: "Table",
      apiVersion: "meta.k8s.io/v1",
      columnDefinitions: [{ name: "Name" }, { name: "cpu" }, { name: "memory" }, { name: "Window" }],
      rows: [{ cells: ["p", "252547811n", "22040Ki", "15.003s"], object: { kind: "PodMetrics" } }],
    });
  });
});
