import type { Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import { leases } from "@knots/api/coordination/v1";
import { nullLogger, RealClock } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { EXIT_AFTER, EXIT_CODE, READY_AFTER } from "../src/simulation/behaviour.ts";
import { Simulation } from "../src/simulation/simulation.ts";

const PATIENCE = { timeout: 20_000, interval: 20 };

let environment: TestEnvironment;
let simulation: Simulation;

beforeAll(async () => {
  environment = await TestEnvironment.start({ disableAdmissionPlugins: ["ServiceAccount", "TaintNodesByCondition"] });
  simulation = new Simulation({
    client: environment.client,
    clock: new RealClock(),
    logger: nullLogger,
    nodes: 3,
    nodeIP: "127.0.0.1",
  });
  await simulation.start();
}, 30_000);

afterAll(async () => {
  await simulation[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

async function run(name: string, annotations: Record<string, string>, nodeName = "sim-1"): Promise<void> {
  await environment.client.resource(pods, "default").create({
    metadata: { name, annotations },
    spec: { nodeName, restartPolicy: "Never", containers: [{ name: "main", image: "example.test/app:1" }] },
  });
}

async function until(name: string, holds: (pod: Pod) => boolean): Promise<Pod> {
  return await vi.waitFor(async () => {
    const pod = await environment.client.resource(pods, "default").get(name);
    if (!holds(pod)) throw new Error(`${name} is ${JSON.stringify(pod.status)}`);
    return pod;
  }, PATIENCE);
}

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;

describe("simulated nodes", { timeout: 30_000 }, () => {
  it("are Ready and have a Lease each", async () => {
    await vi.waitFor(async () => {
      const { items } = await environment.client.resource(nodes).list();
      expect(items.map(({ metadata }) => metadata?.name)).toEqual(["sim-0", "sim-1", "sim-2"]);
      for (const { status } of items)
        expect(status?.conditions?.find(({ type }) => type === "Ready")?.status).toBe("True");
      expect((await environment.client.resource(leases, "kube-node-lease").list()).items).toHaveLength(3);
    }, PATIENCE);
  });

  it("run a pod until it is deleted", async () => {
    await run("plain", {});
    const pod = await until("plain", isReady);
    expect(pod.status?.phase).toBe("Running");
    await environment.client.resource(pods, "default").delete("plain");
    await vi.waitFor(async () => {
      await expect(environment.client.resource(pods, "default").get("plain")).rejects.toThrow("not found");
    }, PATIENCE);
    expect(simulation.nodes.flatMap((node) => node.pods())).toEqual([]);
  });

  it("make a pod ready only after the time its annotation says", async () => {
    await run("slow", { [READY_AFTER]: "1h" });
    const pod = await until("slow", ({ status }) => status?.phase === "Running");
    expect(isReady(pod)).toBe(false);
    expect(pod.spec?.containers[0]?.readinessProbe).toBeUndefined();
    await run("soon", { [READY_AFTER]: "50ms" });
    await until("soon", isReady);
  });

  it.each([
    ["0", "Succeeded"],
    ["3", "Failed"],
  ])("end a pod with exit code %s as %s", async (code, phase) => {
    const name = `ends-${code}`;
    await run(name, { [EXIT_AFTER]: "10ms", [EXIT_CODE]: code });
    const pod = await until(name, ({ status }) => status?.phase === phase);
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(Number(code));
  });

  it("say which annotation they cannot read", async () => {
    await run("wrong", { [EXIT_AFTER]: "soon" });
    const pod = await until(
      "wrong",
      ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.message !== undefined,
    );
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain(`annotation ${EXIT_AFTER}: "soon"`);
  });
});
