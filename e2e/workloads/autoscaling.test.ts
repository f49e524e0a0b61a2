// A HorizontalPodAutoscaler over what pods really use: kubelet, metrics API and controller together.
import { deployments } from "@knots/api/apps/v1";
import { horizontalPodAutoscalers, type HorizontalPodAutoscaler } from "@knots/api/autoscaling/v2";
import { describe, expect, test } from "vitest";
import { hasCluster, isReady, nameOf, Place, shell, template } from "./place.ts";

const labels = { app: "busy" };
const SELECTOR = "app=busy";
/** Busy until it is told to rest, and at the end at once when it is told to. */
const BUSY = "trap 'exit 0' TERM; while [ ! -e /tmp/rest ]; do :; done; sleep 3600 & wait";

function conditionOf({ status }: HorizontalPodAutoscaler, type: string): string | undefined {
  return status?.conditions?.find((each) => each.type === type)?.reason;
}

describe.skipIf(!hasCluster)("autoscaling", () => {
  test("a Deployment grows while its pods are busy, and shrinks when they rest", async () => {
    await using place = await Place.open("autoscale");
    // Five times what it asks for, and little all the same.
    const resources = { requests: { cpu: "10m" }, limits: { cpu: "50m" } };
    await place.of(deployments).create({
      metadata: { name: "busy" },
      spec: { replicas: 1, selector: { matchLabels: labels }, template: template(labels, shell(BUSY, { resources })) },
    });
    await place.of(horizontalPodAutoscalers).create({
      metadata: { name: "busy" },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "busy" },
        minReplicas: 1,
        maxReplicas: 3,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
      },
    });
    const grown = await place.until(horizontalPodAutoscalers, "busy", "it has grown", ({ status }) => {
      return status?.desiredReplicas === 3;
    });
    // Three times as many pods as before are as many as there may be: more are wanted.
    expect(conditionOf(grown, "ScalingLimited")).toBe("TooManyReplicas");
    expect(conditionOf(grown, "ScalingActive")).toBe("ValidMetricFound");
    expect(conditionOf(grown, "AbleToScale")).toBe("SucceededRescale");
    const measured = grown.status?.currentMetrics?.[0]?.resource?.current.averageUtilization ?? 0;
    expect(measured).toBeGreaterThan(55);
    expect((await place.event("busy", "SuccessfulRescale")).message).toBe(
      "New size: 3; reason: cpu resource utilization (percentage of request) above target",
    );
    const pods = await place.untilPods("three are ready", SELECTOR, (all) => all.length === 3 && all.every(isReady));

    for (const pod of pods) await place.kubectl(`exec ${nameOf(pod)} -- touch /tmp/rest`);
    await place.until(horizontalPodAutoscalers, "busy", "it has shrunk", ({ status }) => status?.desiredReplicas === 1);
    await place.untilPods("one is left", SELECTOR, (all) => all.length === 1 && all.every(isReady));
  });

  test("a target that does not exist is told of", async () => {
    await using place = await Place.open("autoscale");
    await place.of(horizontalPodAutoscalers).create({
      metadata: { name: "lost" },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "nobody" },
        maxReplicas: 3,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
        ],
      },
    });
    const lost = await place.until(horizontalPodAutoscalers, "lost", "it says so", (each) => {
      return conditionOf(each, "AbleToScale") !== undefined;
    });
    expect(lost.status?.conditions?.[0]).toMatchObject({
      type: "AbleToScale",
      status: "False",
      reason: "FailedGetScale",
      message: `the HPA controller was unable to get the target's current scale: deployments.apps "nobody" not found`,
    });
    expect(await place.event("lost", "FailedGetScale")).toMatchObject({
      type: "Warning",
      message: 'deployments.apps "nobody" not found',
    });
  });
});
