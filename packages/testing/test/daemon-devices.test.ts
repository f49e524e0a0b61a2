// Daemons that need devices: the scheduler gives them what their node has, and they wait where it has none.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { daemonSets } from "@knots/api/apps/v1";
import type { Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import { deviceClasses, resourceClaims, resourceSlices } from "@knots/api/resource/v1";
import { TestEnvironment } from "@knots/testing";
import { gpus, sliceOf } from "./devices.ts";

const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 20 });
const GPU = "x.io/gpu";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: ["daemonset-controller", "resourceclaim-controller"],
    scheduler: true,
    disableAdmissionPlugins: ["ServiceAccount", "TaintNodesByCondition"],
  });
}, 30_000);
afterAll(() => environment[Symbol.asyncDispose]());

test("a daemon with an extended resource is placed by the scheduler, on its own node alone", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  const makeNode = (name: string, more: Record<string, string> = {}) =>
    client.resource(nodes).create({
      metadata: { name },
      status: { allocatable: { cpu: "4", memory: "8Gi", pods: "50", ...more } },
    });
  await makeNode("with-devices");
  await makeNode("with-plugin", { [GPU]: "1" });
  await makeNode("without");
  await client.resource(deviceClasses).create({ metadata: { name: "gpus" }, spec: { extendedResourceName: GPU } });
  await client.resource(resourceSlices).create(sliceOf("with-devices", gpus(2)));
  const labels = { app: "agent" };
  await client.resource(daemonSets, namespace).create({
    metadata: { name: "agent" },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "main", image: "app", resources: { limits: { [GPU]: "1" } } }] },
      },
    },
  });
  const bound = (all: readonly Pod[]): string[] => all.flatMap(({ spec }) => spec?.nodeName ?? []).toSorted();
  await until(async () => {
    const { items } = await client.resource(pods, namespace).list();
    expect([items.length, bound(items)]).toEqual([3, ["with-devices", "with-plugin"]]);
    const waiting = items.find(({ spec }) => !spec?.nodeName);
    expect(waiting?.status?.conditions?.[0]?.message).toContain("1 cannot allocate all claims");
  });
  const claims = (await client.resource(resourceClaims, namespace).list()).items;
  expect(claims.map(({ status }) => status?.allocation?.devices?.results?.[0]?.pool)).toEqual(["with-devices"]);
  const { status } = await client.resource(daemonSets, namespace).get("agent");
  expect([status?.desiredNumberScheduled, status?.currentNumberScheduled]).toEqual([3, 3]);
  // What waits for a node that is gone goes as well.
  await client.resource(nodes).delete("without");
  await until(async () => {
    const { items } = await client.resource(pods, namespace).list();
    expect([items.length, bound(items)]).toEqual([2, ["with-devices", "with-plugin"]]);
  });
});
