import { FakeClock } from "@knots/machinery";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { QueueMetrics, queueNameOf } from "./queue-metrics.ts";

const registry = new Registry();

/** The figures of a queue by name, histograms as their sum and count. */
async function figures(name: string): Promise<Record<string, number>> {
  const result: Record<string, number> = {};
  for (const { values } of await registry.getMetricsAsJSON())
    for (const each of values as { metricName?: string; value: number; labels: Record<string, unknown> }[])
      if (each.labels["name"] === name && each.labels["le"] === undefined && each.metricName !== undefined)
        result[each.metricName] = each.value;
  const single = [
    "adds_total",
    "retries_total",
    "depth",
    "unfinished_work_seconds",
    "longest_running_processor_seconds",
  ];
  for (const each of single) {
    const { values = [] } = (await registry.getSingleMetric(`workqueue_${each}`)?.get()) ?? {};
    result[each] = values.find(({ labels }) => (labels as { name?: string }).name === name)?.value ?? NaN;
  }
  return result;
}

test("a queue is counted and timed under upstream's name", async () => {
  const clock = new FakeClock(0);
  const queue = new QueueMetrics(registry).queue({ clock, name: "deployment-controller" });
  expect(await figures("deployment")).toMatchObject({ adds_total: 0, depth: 0, retries_total: 0 });
  queue.add("a");
  queue.add("b");
  queue.add("a");
  expect(await figures("deployment")).toMatchObject({ adds_total: 2, depth: 2 });
  await clock.advance(2000);
  expect(await queue.get()).toBe("a");
  expect(await queue.get()).toBe("b");
  // Once more while it is worked on: one add, and no depth before it is done.
  queue.add("a");
  await clock.advance(3000);
  expect(await figures("deployment")).toMatchObject({
    adds_total: 3,
    depth: 0,
    unfinished_work_seconds: 6,
    longest_running_processor_seconds: 3,
    workqueue_queue_duration_seconds_sum: 4,
    workqueue_queue_duration_seconds_count: 2,
  });
  queue.done("a");
  queue.addRateLimited("b");
  queue.done("b");
  expect(await figures("deployment")).toMatchObject({
    adds_total: 3,
    depth: 1,
    retries_total: 1,
    unfinished_work_seconds: 0,
    workqueue_work_duration_seconds_sum: 6,
    workqueue_work_duration_seconds_count: 2,
  });
  // It has waited since it was added, not since its worker was done.
  expect(await queue.get()).toBe("a");
  expect(await figures("deployment")).toMatchObject({ workqueue_queue_duration_seconds_sum: 7 });
  queue.shutDown();
});

test.each([
  ["deployment-controller", "deployment"],
  ["replicationcontroller-controller", "replicationmanager"],
  ["endpointslice-controller", "endpoint_slice"],
  ["statefulset-controller", "statefulset"],
])("the queue of %s is %s", (controller, queue) => {
  expect(queueNameOf(controller)).toBe(queue);
});
