// Objects that today's rules refuse, and that were stored before there were such rules: each is told what is wrong with it.
import { deployments } from "@knots/api/apps/v1";
import { jobs } from "@knots/api/batch/v1";
import { events, pods } from "@knots/api/core/v1";
import { ApiServer } from "@knots/apiserver";
import { Client } from "@knots/client";
import { ControllerManager } from "@knots/controllers";
import { nullLogger, RealClock } from "@knots/machinery";
import { openMemoryStore, type Store } from "@knots/store";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

const clock = new RealClock();
const parts = new AsyncDisposableStack();
let client: Client;

const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "i" }] } };
const ONCE = { spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } } };

/** Puts an object into the store, past everything that would look at it. */
async function put(store: Store, resource: string, kind: string, apiVersion: string, name: string, spec: object) {
  const object = {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace: "default",
      uid: crypto.randomUUID(),
      generation: 1,
      creationTimestamp: new Date(clock.now() - 3_600_000).toISOString().replace(/\.\d+/, ""),
    },
    spec,
  };
  const value = Buffer.from(JSON.stringify(object));
  await store.txn({ compare: [], then: [{ op: "put", key: `/registry/${resource}/default/${name}`, value }] });
}

beforeAll(async () => {
  const store = parts.use(openMemoryStore({ clock }));
  const cronJob = async (name: string, spec: object): Promise<void> =>
    await put(store, "cronjobs", "CronJob", "batch/v1", name, {
      concurrencyPolicy: "Forbid",
      jobTemplate: ONCE,
      ...spec,
    });
  await cronJob("no-schedule", { schedule: "every day" });
  await cronJob("no-zone", { schedule: "* * * * *", timeZone: "Mars/Base" });
  await cronJob("good", { schedule: "* * * * *" });
  await put(store, "deployments", "Deployment", "apps/v1", "all", { replicas: 1, selector: {}, template });
  await put(store, "daemonsets", "DaemonSet", "apps/v1", "all", { selector: {}, template });
  const server = parts.use(
    new ApiServer({
      store,
      securePort: 0,
      bindAddress: "127.0.0.1",
      clock,
      logger: nullLogger,
      disableAdmissionPlugins: ["ServiceAccount"],
    }),
  );
  await server.start();
  client = parts.use(new Client(server.loopbackConfig));
  const controllers = ["cronjob-controller", "deployment-controller", "daemonset-controller"];
  await parts.use(new ControllerManager({ client, clock, logger: nullLogger, controllers })).start();
});
afterAll(() => parts.disposeAsync());

test.each([
  [
    "CronJob",
    "no-schedule",
    "UnparseableSchedule",
    'unparseable schedule: "every day" : expected exactly 5 fields, found 2: [every day]',
  ],
  ["CronJob", "no-zone", "UnknownTimeZone", 'invalid timeZone: "Mars/Base": unknown time zone Mars/Base'],
  ["Deployment", "all", "SelectingAll", "This deployment is selecting all pods. A non-empty selector is required."],
  ["DaemonSet", "all", "SelectingAll", "This daemon set is selecting all pods. A non-empty selector is required."],
])("%s %s: %s", async (kind, name, reason, message) => {
  const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${name},reason=${reason}`;
  await vi.waitFor(
    async () => {
      const { items } = await client.resource(events, "default").list({ fieldSelector });
      expect(items.map((each) => [each.type, each.message])).toEqual([["Warning", message]]);
    },
    { timeout: 20_000, interval: 20 },
  );
});

test("what is right beside them runs, and they are left as they are", async () => {
  await vi.waitFor(
    async () => {
      const { items } = await client.resource(jobs, "default").list();
      expect(new Set(items.map(({ metadata }) => metadata?.ownerReferences?.[0]?.name))).toEqual(new Set(["good"]));
    },
    { timeout: 20_000, interval: 20 },
  );
  expect((await client.resource(pods, "default").list()).items).toEqual([]);
  await vi.waitFor(
    async () => {
      const { metadata, status } = await client.resource(deployments, "default").get("all");
      expect(status?.observedGeneration).toBe(metadata?.generation);
    },
    { timeout: 20_000, interval: 20 },
  );
});
