import type { Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import { nullLogger, RealClock } from "@knots/machinery";
import { Scheduler } from "@knots/scheduler";
import { TestEnvironment } from "@knots/testing";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Handle } from "../src/framework/handle.ts";
import type { PermitPlugin } from "../src/framework/plugin.ts";

const PATIENCE = { timeout: 20_000, interval: 20 };
let environment: TestEnvironment;
let scheduler: Scheduler;
let handle: Handle;

/** Binds the pods of a namespace together, once there are two. */
function pairs(own: Handle): PermitPlugin {
  handle = own;
  return {
    name: "Pairs",
    permit(_state, pod) {
      const others = [...own.waitingPods].filter(({ info }) => info.namespace === pod.namespace);
      if (others.length === 0) return { wait: pod.name === "impatient" ? 50 : 60_000 };
      for (const other of others) other.allow("Pairs");
      return undefined;
    },
  };
}

beforeAll(async () => {
  environment = await TestEnvironment.start({ disableAdmissionPlugins: ["ServiceAccount", "TaintNodesByCondition"] });
  const { client } = environment;
  const allocatable = { cpu: "4", memory: "8Gi", pods: "10" };
  await client.resource(nodes).create({ metadata: { name: "n" }, status: { allocatable } });
  scheduler = new Scheduler({
    client,
    clock: new RealClock(),
    logger: nullLogger,
    profiles: [{ schedulerName: "default-scheduler", plugins: [{ create: pairs }] }],
  });
  await scheduler.start();
}, 30_000);
afterAll(async () => {
  await scheduler[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

async function make(namespace: string, name: string): Promise<void> {
  await environment.client
    .resource(pods, namespace)
    .create({ metadata: { name }, spec: { containers: [{ name: "main", image: "app" }] } });
}
const get = (namespace: string, name: string): Promise<Pod> => environment.client.resource(pods, namespace).get(name);
const until = (check: () => Promise<void> | void) => vi.waitFor(check, PATIENCE);

describe("Permit", { timeout: 30_000 }, () => {
  it("holds a pod that has its node until it is allowed", async () => {
    const namespace = await environment.namespace();
    await make(namespace, "a");
    await until(() => expect(handle.waitingPods.size).toBe(1));
    expect((await get(namespace, "a")).spec?.nodeName).toBeUndefined();
    await make(namespace, "b");
    await until(async () => {
      const bound = await Promise.all(["a", "b"].map((name) => get(namespace, name)));
      expect(bound.map(({ spec }) => spec?.nodeName)).toEqual(["n", "n"]);
    });
  });

  it("says why the wait was in vain", async () => {
    const namespace = await environment.namespace();
    await make(namespace, "impatient");
    await until(async () => {
      const { status } = await get(namespace, "impatient");
      expect(status?.conditions?.find(({ type }) => type === "PodScheduled")).toMatchObject({
        reason: "Unschedulable",
        message:
          'pod "impatient" rejected while waiting on permit: rejected due to timeout after waiting 0.05s at plugin Pairs',
      });
    });
  });

  it("lets go of a pod that is deleted meanwhile", async () => {
    const namespace = await environment.namespace();
    await make(namespace, "a");
    const waits = () => [...handle.waitingPods].some(({ info }) => info.namespace === namespace);
    await until(() => expect(waits()).toBe(true));
    await environment.client.resource(pods, namespace).delete("a", { gracePeriodSeconds: 0 });
    await until(() => expect(waits()).toBe(false));
  });
});
