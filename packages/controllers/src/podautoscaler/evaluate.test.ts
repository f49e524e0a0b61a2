import type { MetricSpec } from "@knots/api/autoscaling/v2";
import { expect, test } from "vitest";
import { combine } from "./combine.ts";
import { evaluate, MetricError } from "./evaluate.ts";
import type { EvaluationContext, Proposal } from "./evaluate.ts";

const running = (name: string) => ({
  metadata: { name, namespace: "ns" },
  spec: { containers: [{ name: "c", resources: { requests: { cpu: "1", memory: "1Gi" } } }] },
  status: {
    phase: "Running",
    startTime: "2026-01-01T00:00:00Z",
    conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }],
  },
});
const figures = (...values: number[]) =>
  Promise.resolve(new Map(values.map((value, i) => [`p${i}`, { value, timestamp: 0, window: 0 }])));
const asked: unknown[] = [];
const ctx: EvaluationContext = {
  current: 2,
  pods: [running("p0"), running("p1")],
  tolerances: { scaleUp: 0.1, scaleDown: 0.1 },
  options: { now: Date.parse("2026-11-25T00:00:00Z"), cpuInitializationPeriod: 0, initialReadinessDelay: 0 },
  namespace: "ns",
  selector: "app=a",
  statusReplicas: 2,
  groupResource: () => Promise.resolve("ingresses.networking.k8s.io"),
  client: {
    resource: (...args) => (asked.push(args), figures(1000, 1000)),
    pods: (...args) => (asked.push(args), figures(3000, 5000)),
    object: (...args) => (asked.push(args), Promise.resolve(40_000)),
    external: (...args) => (asked.push(args), Promise.resolve([10_000, 50_000])),
  },
};
const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "main" };
const metric = { name: "requests", selector: { matchLabels: { path: "x" } } };
const selectorText =
  "&LabelSelector{MatchLabels:map[string]string{path: x,},MatchExpressions:[]LabelSelectorRequirement{},}";

test.each<[MetricSpec, unknown[], Proposal]>([
  [
    { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
    ["ns", "app=a", "cpu", undefined],
    {
      replicas: 4,
      name: "cpu resource utilization (percentage of request)",
      status: { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 100, averageValue: "1" } } },
    },
  ],
  [
    { type: "Resource", resource: { name: "cpu", target: { type: "AverageValue", averageValue: "500m" } } },
    ["ns", "app=a", "cpu", undefined],
    {
      replicas: 4,
      name: "cpu resource",
      status: { type: "Resource", resource: { name: "cpu", current: { averageValue: "1" } } },
    },
  ],
  [
    {
      type: "ContainerResource",
      containerResource: { name: "cpu", container: "c", target: { type: "Utilization", averageUtilization: 200 } },
    },
    ["ns", "app=a", "cpu", "c"],
    {
      replicas: 1,
      name: "cpu container resource utilization (percentage of request)",
      status: {
        type: "ContainerResource",
        containerResource: { name: "cpu", container: "c", current: { averageUtilization: 100, averageValue: "1" } },
      },
    },
  ],
  [
    { type: "Pods", pods: { metric, target: { type: "AverageValue", averageValue: "1" } } },
    ["ns", "app=a", "requests", "path=x"],
    {
      replicas: 8,
      name: "pods metric requests",
      status: { type: "Pods", pods: { metric, current: { averageValue: "4" } } },
    },
  ],
  [
    { type: "Object", object: { metric, describedObject: ingress, target: { type: "Value", value: "10" } } },
    ["ns", ingress, "ingresses.networking.k8s.io", "requests", "path=x"],
    {
      replicas: 8,
      name: "Ingress metric requests",
      status: { type: "Object", object: { metric, describedObject: ingress, current: { value: "40" } } },
    },
  ],
  [
    { type: "External", external: { metric, target: { type: "AverageValue", averageValue: "10" } } },
    ["ns", "requests", "path=x"],
    {
      replicas: 6,
      name: `external metric requests(${selectorText})`,
      status: { type: "External", external: { metric, current: { averageValue: "30" } } },
    },
  ],
])("%o", async (spec, request, want) => {
  asked.length = 0;
  expect(await evaluate(spec, ctx)).toEqual(want);
  expect(asked).toEqual([request]);
});

test.each<[MetricSpec, string, string]>([
  [
    { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
    "FailedGetResourceMetric",
    "failed to get cpu utilization: unable to get metrics for resource cpu: no",
  ],
  [
    { type: "External", external: { metric, target: { type: "Value", value: "1" } } },
    "FailedGetExternalMetric",
    `unable to get external metric ns/requests/${selectorText}: no`,
  ],
  [
    { type: "Pods", pods: { metric, target: { type: "AverageValue", averageValue: "1" } } },
    "FailedGetPodsMetric",
    "unable to get metric requests: no",
  ],
  [
    { type: "Object", object: { metric, describedObject: ingress, target: { type: "Value", value: "10" } } },
    "FailedGetObjectMetric",
    "unable to get metric requests: Ingress on ns main no",
  ],
  [{ type: "Moon" }, "InvalidMetricSourceType", 'unknown metric source type "Moon"'],
])("without figures: %o", async (spec, reason, message) => {
  const no = (): Promise<never> => Promise.reject(new Error("no"));
  const error = await evaluate(spec, { ...ctx, client: { resource: no, pods: no, object: no, external: no } }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MetricError);
  expect(error).toMatchObject({ reason, message });
});

const proposal = (replicas: number, name: string): Proposal => ({ replicas, name, status: { type: "Resource" } });
const failure = new MetricError("FailedGetPodsMetric", "failed to get pods metric value", "no figures");
test.each<[string, (Proposal | MetricError)[], number | undefined, string, string]>([
  ["the most", [proposal(3, "a"), proposal(5, "b")], 5, "b", "ValidMetricFound"],
  ["one failed, the other wants more", [failure, proposal(5, "b")], 5, "b", "ValidMetricFound"],
  ["one failed, the other wants fewer", [failure, proposal(2, "b")], undefined, "", "FailedGetPodsMetric"],
  ["all failed", [failure, failure], undefined, "", "FailedGetPodsMetric"],
])("several: %s", (_what, results, replicas, name, reason) => {
  const combined = combine(results, 4);
  expect([combined.replicas, combined.metric, combined.condition.reason]).toEqual([replicas, name, reason]);
});

test("why nothing could be said", () => {
  expect(combine([failure, proposal(1, "b")], 4)).toMatchObject({
    error: "invalid metrics (1 invalid out of 2), first error is: failed to get pods metric value: no figures",
    condition: { status: "False", message: "the HPA was unable to compute the replica count: no figures" },
  });
});
