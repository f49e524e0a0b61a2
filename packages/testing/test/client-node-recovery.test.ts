// Clients of @kubernetes/client-node that lose their place: watches that end, history that is gone, applies that collide.
import {
  type KubernetesObject,
  type V1ConfigMap,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  ListWatch,
  PatchStrategy,
  Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { FakeClock } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";

const MINUTE = 60_000;

let environment: TestEnvironment;
let clock: FakeClock;
let config: KubeConfig;
let core: CoreV1Api;
beforeAll(async () => {
  clock = new FakeClock(Date.now());
  environment = await TestEnvironment.start({ clock });
  config = new KubeConfig();
  config.loadFromString(environment.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});
afterAll(() => environment[Symbol.asyncDispose]());

const soon = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 10_000, interval: 10 });
const create = async (namespace: string, name: string): Promise<void> => {
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name } } });
};

/** What an informer saw. While it is held its next watch does not begin; `timeoutSeconds` ends each by itself. */
async function informerOf(namespace: string, timeoutSeconds?: number) {
  const seen: string[] = [];
  const counted = { lists: 0, watches: 0 };
  let held: Promise<void> | undefined;
  const watch = new Watch(config);
  const gated: Pick<Watch, "watch"> = {
    async watch(path, params, ...rest) {
      counted.watches++;
      await held;
      return await watch.watch(path, timeoutSeconds === undefined ? params : { ...params, timeoutSeconds }, ...rest);
    },
  };
  const informer = new ListWatch<V1ConfigMap>(
    `/api/v1/namespaces/${namespace}/configmaps`,
    gated as Watch,
    () => {
      counted.lists++;
      return core.listNamespacedConfigMap({ namespace });
    },
    false,
    undefined,
    undefined,
    { delayFn: () => Promise.resolve() },
  );
  for (const verb of ["add", "update", "delete"] as const)
    informer.on(verb, ({ metadata }: V1ConfigMap) => void seen.push(`${verb} ${metadata?.name}`));
  informer.on("error", (error: unknown) => void seen.push(`error ${String(error)}`));
  await informer.start();
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return resolve;
  };
  return { informer, seen, counted, hold };
}

test("an informer whose watch ended goes on after the last event it saw", async () => {
  const namespace = await environment.namespace();
  await create(namespace, "before");
  const { informer, seen, counted, hold } = await informerOf(namespace, 30);
  try {
    await create(namespace, "a");
    await soon(() => expect(seen).toEqual(["add before", "add a"]));
    const release = hold();
    await clock.advance(30_000);
    await soon(() => expect(counted.watches).toBe(2));
    await create(namespace, "meanwhile");
    await core.deleteNamespacedConfigMap({ namespace, name: "before" });
    release();
    await soon(() => expect(seen).toEqual(["add before", "add a", "add meanwhile", "delete before"]));
    expect(counted.lists).toBe(1);
  } finally {
    await informer.stop();
  }
});

test("an informer whose place in history is gone lists anew, and misses nothing", async () => {
  const namespace = await environment.namespace();
  for (const name of ["kept", "removed"]) await create(namespace, name);
  const { informer, seen, counted, hold } = await informerOf(namespace, 30);
  try {
    await soon(() => expect(seen.toSorted()).toEqual(["add kept", "add removed"]));
    const release = hold();
    await clock.advance(30_000);
    await soon(() => expect(counted.watches).toBe(2));
    await core.deleteNamespacedConfigMap({ namespace, name: "removed" });
    await create(namespace, "made");
    // Twice the interval of compaction: what lies before is given up.
    await clock.advance(11 * MINUTE);
    release();
    await soon(() => expect(seen.slice(2)).toEqual(expect.arrayContaining(["add made", "delete removed"])));
    expect(counted.lists).toBe(2);
    expect(seen.filter((each) => each.startsWith("error"))).toEqual([]);
    await create(namespace, "after");
    await soon(() => expect(seen.at(-1)).toBe("add after"));
  } finally {
    await informer.stop();
  }
});

test("a watch from before the history is told so by a Status of 410", async () => {
  const namespace = await environment.namespace();
  await create(namespace, "old");
  const { metadata } = await core.listNamespacedConfigMap({ namespace });
  await create(namespace, "new");
  await clock.advance(11 * MINUTE);
  const events: [string, KubernetesObject & { code?: number; reason?: string }][] = [];
  const ended = new Promise<unknown>((resolve) => {
    void new Watch(config).watch(
      `/api/v1/namespaces/${namespace}/configmaps`,
      { resourceVersion: metadata?.resourceVersion },
      (phase, object) => void events.push([phase, object as KubernetesObject]),
      resolve,
    );
  });
  await ended;
  expect(events).toEqual([
    ["ERROR", expect.objectContaining({ kind: "Status", status: "Failure", reason: "Expired", code: 410 })],
  ]);
});

test("server-side apply names who owns a field that another applies, and takes it over when told to", async () => {
  const namespace = await environment.namespace();
  const objects = KubernetesObjectApi.makeApiClient(config);
  const map = (data: Record<string, string>) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "shared", namespace },
    data,
  });
  const apply = (data: Record<string, string>, manager: string, force?: boolean): Promise<KubernetesObject> =>
    objects.patch(map(data), undefined, undefined, manager, force, PatchStrategy.ServerSideApply);
  await apply({ a: "1", b: "1" }, "first");
  const conflict: unknown = await apply({ b: "2", c: "2" }, "second").catch((error: unknown) => error);
  expect(conflict).toMatchObject({ code: 409 });
  const { body } = conflict as { body: string | object };
  const status = (typeof body === "string" ? JSON.parse(body) : body) as object;
  expect(status).toMatchObject({
    reason: "Conflict",
    message: 'Apply failed with 1 conflict: conflict with "first": .data.b',
    details: { causes: [{ reason: "FieldManagerConflict", message: 'conflict with "first"', field: ".data.b" }] },
  });
  expect(await apply({ b: "2", c: "2" }, "second", true)).toMatchObject({ data: { a: "1", b: "2", c: "2" } });
  // What its last owner leaves out is gone; what another took over stays.
  expect(await apply({}, "first")).toMatchObject({ data: { b: "2", c: "2" } });
  expect(Object.keys(((await objects.read(map({}))) as unknown as { data: object }).data)).toEqual(["b", "c"]);
});
