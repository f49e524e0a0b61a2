// Autoscaling against a real API server; the figures are the test's.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { deployments } from "@knots/api/apps/v1";
import type { HorizontalPodAutoscaler } from "@knots/api/autoscaling/v2";
import { horizontalPodAutoscalers } from "@knots/api/autoscaling/v2";
import { pods } from "@knots/api/core/v1";
import { Client } from "@knots/client";
import type { RequestOptions } from "@knots/client";
import { ControllerManager } from "@knots/controllers";
import { nullLogger, RealClock } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";

/** Milli-CPUs that each pod uses; undefined: the metrics API does not answer. */
let usage: number | undefined = 500;

/** A client for which the resource metrics API exists. */
class MeasuringClient extends Client {
  override async request(method: string, path: string, options?: RequestOptions): Promise<unknown> {
    const match = /^\/apis\/metrics\.k8s\.io\/v1beta1\/namespaces\/([^/]+)\/pods$/.exec(path);
    if (match === null) return await super.request(method, path, options);
    if (usage === undefined) throw new Error("the server is currently unable to handle the request");
    const { items } = await this.resource(pods, match[1]).list();
    const timestamp = new Date().toISOString();
    return {
      items: items.map(({ metadata }) => ({
        metadata,
        timestamp,
        window: "30s",
        containers: [{ name: "c", usage: { cpu: `${usage}m` } }],
      })),
    };
  }
}

const parts = new AsyncDisposableStack();
let environment: TestEnvironment;
beforeAll(async () => {
  environment = parts.use(
    await TestEnvironment.start({
      controllers: ["deployment-controller", "replicaset-controller"],
      disableAdmissionPlugins: ["ServiceAccount"],
    }),
  );
  const [clock, logger] = [new RealClock(), nullLogger];
  const client = parts.use(new MeasuringClient(environment.config, { clock, logger }));
  const controllers = ["horizontal-pod-autoscaler-controller"];
  const options = { hpaSyncPeriod: 50, hpaDownscaleStabilization: 0, hpaCPUInitializationPeriod: 0 };
  await parts.use(new ControllerManager({ client, clock, logger, controllers, options })).start();
});
afterAll(() => parts.disposeAsync());

const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 50 });

test("up, to the maximum, and down again; what cannot be measured stays", async () => {
  const namespace = await environment.namespace();
  const { client } = environment;
  const autoscalers = client.resource(horizontalPodAutoscalers, namespace);
  await client.resource(deployments, namespace).create({
    metadata: { name: "web" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "c", image: "i", resources: { requests: { cpu: "500m" } } }] },
      },
    },
  });
  // Nobody runs the pods; their status says they have run for an hour.
  const run = async (): Promise<void> => {
    const past = "2026-01-01T00:00:00Z";
    const { items } = await client.resource(pods, namespace).list();
    for (const { metadata, status } of items) {
      if (status?.phase === "Running") continue;
      const conditions = [{ type: "Ready", status: "True", lastTransitionTime: past }];
      const patch = { status: { phase: "Running", startTime: past, conditions } };
      await client
        .resource(pods, namespace)
        .patch(metadata?.name ?? "", patch, { type: "merge", subresource: "status" })
        .catch(() => undefined);
    }
  };
  await autoscalers.create({
    metadata: { name: "web" },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      minReplicas: 1,
      maxReplicas: 5,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
      ],
    },
  });
  const shows = async (replicas: number): Promise<HorizontalPodAutoscaler> => {
    await until(async () => {
      await run();
      expect((await autoscalers.get("web")).status?.currentReplicas).toBe(replicas);
    });
    return await autoscalers.get("web");
  };
  const reasons = (hpa: HorizontalPodAutoscaler): Record<string, string> =>
    Object.fromEntries((hpa.status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]));
  // 100 % of 500m against a target of 50 %: twice as many, then the maximum.
  expect(reasons(await shows(5))).toMatchObject({ ScalingActive: "True ValidMetricFound" });
  expect((await client.resource(deployments, namespace).get("web")).spec?.replicas).toBe(5);
  usage = undefined;
  await until(async () => {
    expect(reasons(await autoscalers.get("web"))).toMatchObject({ ScalingActive: "False FailedGetResourceMetric" });
  });
  expect((await client.resource(deployments, namespace).get("web")).spec?.replicas).toBe(5);
  usage = 1;
  expect((await shows(1)).status?.currentMetrics).toMatchObject([
    { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 0 } } },
  ]);
  const { items } = (await client.request("GET", `/api/v1/namespaces/${namespace}/events`)) as {
    items: { reason: string; message: string }[];
  };
  const messages = items.filter(({ reason }) => reason === "SuccessfulRescale").map(({ message }) => message);
  expect(messages).toContain("New size: 4; reason: cpu resource utilization (percentage of request) above target");
  expect(messages).toContain("New size: 1; reason: All metrics below target");
});

test("a target that is not there", async () => {
  const namespace = await environment.namespace();
  const autoscalers = environment.client.resource(horizontalPodAutoscalers, namespace);
  await autoscalers.create({
    metadata: { name: "lost" },
    spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "nobody" }, maxReplicas: 2 },
  });
  await until(async () => {
    expect((await autoscalers.get("lost")).status?.conditions).toMatchObject([
      {
        type: "AbleToScale",
        status: "False",
        reason: "FailedGetScale",
        message: expect.stringContaining('deployments.apps "nobody" not found') as string,
      },
    ]);
  });
});
