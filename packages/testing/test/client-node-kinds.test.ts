// Every kind that the server keeps, as @kubernetes/client-node sees it: through its generic client and an informer.
import { type Informer, KubeConfig, KubernetesObjectApi, makeInformer, PatchStrategy } from "@kubernetes/client-node";
import type { KubernetesObject } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { namespaces } from "@knots/api/core/v1";
import { TestEnvironment } from "@knots/testing";
import { DELETING, type Example, EXAMPLES } from "./examples.ts";
import { NAMESPACE } from "./objects.ts";

let environment: TestEnvironment;
let config: KubeConfig;
let objects: KubernetesObjectApi;
beforeAll(async () => {
  environment = await TestEnvironment.start({ controllers: DELETING, disableAdmissionPlugins: ["ServiceAccount"] });
  await environment.client.resource(namespaces).create({ metadata: { name: NAMESPACE } });
  config = new KubeConfig();
  config.loadFromString(environment.kubeconfig);
  objects = KubernetesObjectApi.makeApiClient(config);
});
afterAll(() => environment[Symbol.asyncDispose]());

/** An informer of the example's kind, and what it tells of the example itself. */
function watcher({ info, object }: Example): { informer: Informer<KubernetesObject>; seen: string[] } {
  const { group, version, resource, namespaced } = info;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const path = `${root}${namespaced ? `/namespaces/${NAMESPACE}` : ""}/${resource}`;
  const { apiVersion = "", kind = "", metadata } = object;
  const list = (): Promise<{ items: KubernetesObject[] }> =>
    objects.list(apiVersion, kind, namespaced ? NAMESPACE : undefined);
  const informer = makeInformer<KubernetesObject>(config, path, list as Parameters<typeof makeInformer>[2]);
  const seen: string[] = [];
  let last = "";
  for (const verb of ["add", "update", "delete"] as const)
    informer.on(verb, (changed) => {
      if (changed.metadata?.name !== metadata.name) return;
      const label = changed.metadata.labels?.["changed"] ?? "-";
      // Between the writes of this test others may change the object: its status, its finalizers.
      if (verb !== "update" || label !== last) seen.push(`${verb} ${label}`);
      last = label;
    });
  return { informer, seen };
}

test.each(EXAMPLES.map((example) => [example.full, example] as const))("%s", async (_, example) => {
  // The library's types have dates where the wire has texts; no example has one of these.
  const object = example.object as KubernetesObject & { metadata: { name: string } };
  const { informer, seen } = watcher(example);
  await informer.start();
  try {
    const made = await objects.create<KubernetesObject>(structuredClone(object));
    for (const [strategy, text] of [
      [PatchStrategy.MergePatch, "merged"],
      [PatchStrategy.StrategicMergePatch, "strategic"],
      [PatchStrategy.ServerSideApply, "applied"],
    ] as const) {
      const { apiVersion = "", kind = "", metadata: names } = example.object;
      const metadata = { name: names.name, namespace: names.namespace ?? "", labels: { changed: text } };
      const force = strategy === PatchStrategy.ServerSideApply ? true : undefined;
      await objects.patch({ apiVersion, kind, metadata }, undefined, undefined, "kinds", force, strategy);
      await vi.waitFor(() => expect(seen.at(-1)).toBe(`update ${text}`), { timeout: 10_000, interval: 5 });
    }
    const read = await objects.read<KubernetesObject>(object);
    expect(read).toMatchObject({ metadata: { uid: made.metadata?.uid, labels: { changed: "applied" } } });
    Object.assign(read.metadata ?? {}, { labels: { changed: "replaced" } });
    expect(await objects.replace(read)).toMatchObject({ metadata: { labels: { changed: "replaced" } } });
    await objects.delete(object);
    await vi.waitFor(
      () =>
        expect(seen).toEqual([
          "add -",
          "update merged",
          "update strategic",
          "update applied",
          "update replaced",
          "delete replaced",
        ]),
      { timeout: 10_000, interval: 5 },
    );
    await expect(objects.read(object)).rejects.toMatchObject({ code: 404 });
  } finally {
    await informer.stop();
  }
});
