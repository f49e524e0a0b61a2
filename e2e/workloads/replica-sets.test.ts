// ReplicaSets and ReplicationControllers on real containers: one engine, two kinds, the same promises.
import { replicaSets, type ReplicaSet } from "@knots/api/apps/v1";
import type { Scale } from "@knots/api/autoscaling/v1";
import { pods, replicationControllers, resourceQuotas, type Pod, type ReplicationController } from "@knots/api/core/v1";
import type { KubeObject, ResourceType } from "@knots/machinery";
import { describe, expect, test } from "vitest";
import { controllerOf, hasCluster, IDLE, isReady, nameOf, Place, shell, template } from "./place.ts";

const labels = { app: "web" };
const SELECTOR = "app=web";
/** Tells its name to whom asks on port 8080. */
const SERVER = `mkdir /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www`;

/** What is the same in both kinds. */
type Set = ReplicaSet | ReplicationController;
interface Kind<T extends Set> {
  readonly title: string;
  readonly type: ResourceType<T>;
  readonly make: (replicas: number, script?: string) => T;
}
const replicaSet: Kind<ReplicaSet> = {
  title: "a ReplicaSet",
  type: replicaSets,
  make: (replicas, script = IDLE) => ({
    metadata: { name: "web", labels },
    spec: { replicas, selector: { matchLabels: labels }, template: template(labels, shell(script)) },
  }),
};
const controller: Kind<ReplicationController> = {
  title: "a ReplicationController",
  type: replicationControllers,
  make: (replicas, script = IDLE) => ({
    metadata: { name: "web", labels },
    spec: { replicas, selector: labels, template: template(labels, shell(script)) },
  }),
};

const isReadyAt =
  (count: number) =>
  ({ metadata, status }: Set): boolean =>
    status?.observedGeneration === metadata?.generation &&
    (status?.readyReplicas ?? 0) === count &&
    status?.replicas === count;

async function serves<T extends Set>({ type, make }: Kind<T>): Promise<void> {
  await using place = await Place.open("replicas");
  await place.of<Set>(type).create(make(2, SERVER));
  await place.until<Set>(type, "web", "two are ready", isReadyAt(2));
  for (const pod of await place.pods({ labelSelector: SELECTOR })) {
    // Through the API server, as a person without a way into the cluster would ask.
    const path = `/api/v1/namespaces/${place.namespace}/pods/${nameOf(pod)}:8080/proxy/`;
    const said = await place.eventually(`${nameOf(pod)} answers`, async () => await place.kubectl(`get --raw ${path}`));
    expect(said).toBe(`${nameOf(pod)}\n`);
  }
}

/** A pod without an owner, of the labels that the set selects: it is the set's from then on. */
async function adopts<T extends Set>({ type, make }: Kind<T>): Promise<{ place: Place; uid: string }> {
  const place = await Place.open("replicas");
  await place.of(pods).create({ metadata: { name: "orphan", labels }, spec: template(labels, shell(IDLE)).spec });
  const made = await place.of<Set>(type).create(make(1));
  const uid = made.metadata?.uid ?? "";
  await place.until(pods, "orphan", "adopted", (pod) => controllerOf(pod) === uid);
  await place.until<Set>(type, "web", "one is ready", isReadyAt(1));
  expect((await place.pods()).map(nameOf)).toEqual(["orphan"]);
  return { place, uid };
}

/** A pod whose labels no longer match is let go, and another made in its place. */
async function releases(place: Place, name: string, uid: string): Promise<void> {
  await place.of(pods).patch(name, { metadata: { labels: { app: "other" } } }, { type: "merge" });
  const released = await place.until(pods, name, "released", (pod) => controllerOf(pod) === undefined);
  const mine = (all: Pod[]): boolean =>
    all.length === 1 && all.every((pod) => isReady(pod) && controllerOf(pod) === uid);
  await place.untilPods("another is made", SELECTOR, mine);
  expect((await place.of(pods).get(name)).metadata?.uid).toBe(released.metadata?.uid);
}

async function scales<T extends Set>({ type, make }: Kind<T>): Promise<void> {
  await using place = await Place.open("replicas");
  const of = place.of<Set>(type);
  await of.create(make(1));
  await place.until<Set>(type, "web", "one is ready", isReadyAt(1));
  const scale = (await of.getSubresource("web", "scale")) as Scale;
  expect([scale.spec?.replicas, scale.status]).toEqual([1, { replicas: 1, selector: SELECTOR }]);
  await of.updateSubresource("scale", { ...scale, spec: { replicas: 2 } } as Set);
  await place.until<Set>(type, "web", "two are ready", isReadyAt(2));
  const patched = (await of.patch(
    "web",
    { spec: { replicas: 3 } },
    { type: "merge", subresource: "scale" },
  )) as KubeObject as Scale;
  expect(patched.spec?.replicas).toBe(3);
  await place.until<Set>(type, "web", "three are ready", isReadyAt(3));
}

describe.skipIf(!hasCluster)("replica sets", { concurrent: true }, () => {
  test("each replica of a ReplicaSet answers by its own name", async () => await serves(replicaSet));
  test("each replica of a ReplicationController answers by its own name", async () => await serves(controller));

  test("a ReplicaSet adopts a pod that matches and releases one that no longer does", async () => {
    const { place, uid } = await adopts(replicaSet);
    await using _ = place;
    await releases(place, "orphan", uid);
  });

  test("a ReplicationController adopts a pod that matches", async () => {
    const { place } = await adopts(controller);
    await using _ = place;
  });

  test("a ReplicationController releases a pod that no longer matches", async () => {
    await using place = await Place.open("replicas");
    const { metadata } = await place.of(replicationControllers).create(controller.make(1));
    await place.until<Set>(controller.type, "web", "one is ready", isReadyAt(1));
    const [pod = {}] = await place.pods();
    await releases(place, nameOf(pod), metadata?.uid ?? "");
  });

  test("the scale of a ReplicaSet is read, updated and patched", async () => await scales(replicaSet));
  test("the scale of a ReplicationController is read, updated and patched", async () => await scales(controller));

  test("a ReplicaSet is replaced and patched, and its pods follow", async () => {
    await using place = await Place.open("replicas");
    await place.of(replicaSets).create(replicaSet.make(1));
    await place.until<Set>(replicaSets, "web", "one is ready", isReadyAt(1));
    await place.eventually("it is replaced", async () => {
      const now = await place.of(replicaSets).get("web");
      return await place.of(replicaSets).update({ ...now, spec: { ...now.spec, replicas: 2 } } as ReplicaSet);
    });
    await place.until<Set>(replicaSets, "web", "two are ready", isReadyAt(2));
    const image = { name: "main", image: "nginx:1.22", command: null };
    const patch = {
      metadata: { labels: { patched: "yes" } },
      spec: { replicas: 3, template: { spec: { terminationGracePeriodSeconds: 0, containers: [image] } } },
    };
    await place.of(replicaSets).patch("web", patch, { type: "strategic" });
    const patched = await place.until<Set>(replicaSets, "web", "three are ready", isReadyAt(3));
    expect(patched.metadata?.labels).toEqual({ ...labels, patched: "yes" });
    // Pods that were there are left as they were; the new one is of the new template.
    const images = (await place.pods()).map(({ spec }) => spec?.containers[0]?.image);
    expect(images.toSorted((a = "", b = "") => a.localeCompare(b))).toEqual([
      "busybox:1.35",
      "busybox:1.35",
      "nginx:1.22",
    ]);
  });

  test("ReplicaSets are listed by label and deleted with their collection", async () => {
    await using place = await Place.open("replicas");
    const life = { ...labels, life: place.namespace };
    const selector = { labelSelector: `life=${place.namespace}` };
    await place.of(replicaSets).create({ ...replicaSet.make(2), metadata: { name: "web", labels: life } });
    await place.until<Set>(replicaSets, "web", "two are ready", isReadyAt(2));
    expect((await place.client.resource(replicaSets).list(selector)).items).toHaveLength(1);
    await place.of(replicaSets).deleteCollection({ propagationPolicy: "Background" }, selector);
    await place.untilGone(replicaSets, "web");
    await place.untilPods("its pods are gone", SELECTOR, (all) => all.length === 0);
  });

  test("the status of a ReplicaSet is read, updated and patched apart from the rest", async () => {
    await using place = await Place.open("replicas");
    const of = place.of(replicaSets);
    await of.create(replicaSet.make(1));
    await place.until<Set>(replicaSets, "web", "one is ready", isReadyAt(1));
    const condition = { type: "StatusUpdate", status: "True" as const, reason: "E2E", message: "Set from e2e test" };
    await place.eventually("the status is updated", async () => {
      const now = (await of.getSubresource("web", "status")) as ReplicaSet;
      const conditions = [...(now.status?.conditions ?? []), condition];
      return await of.updateStatus({ ...now, status: { replicas: 1, ...now.status, conditions } });
    });
    const patched = { ...condition, type: "StatusPatched" };
    await of.patch("web", { status: { conditions: [patched] } }, { type: "strategic", subresource: "status" });
    const { status, spec } = await of.get("web");
    expect(status?.conditions).toContainEqual(expect.objectContaining(condition));
    expect(status?.conditions).toContainEqual(expect.objectContaining(patched));
    expect(spec?.replicas).toBe(1);
  });

  test("a ReplicationController tells of a quota that it exceeds, and no longer when it fits", async () => {
    await using place = await Place.open("replicas");
    await place.of(resourceQuotas).create({ metadata: { name: "two" }, spec: { hard: { pods: "2" } } });
    await place.until(resourceQuotas, "two", "it is known", ({ status }) => status?.hard?.["pods"] === "2");
    await place.of(replicationControllers).create(controller.make(3));
    const failing = await place.until(replicationControllers, "web", "it fails", ({ status }) =>
      Boolean(status?.conditions?.some(({ type }) => type === "ReplicaFailure")),
    );
    expect(failing.status?.conditions?.[0]).toMatchObject({ status: "True", reason: "FailedCreate" });
    expect(failing.status?.conditions?.[0]?.message).toContain(
      "exceeded quota: two, requested: pods=1, used: pods=2, limited: pods=2",
    );
    expect((await place.event("web", "FailedCreate")).type).toBe("Warning");
    await place.of(replicationControllers).patch("web", { spec: { replicas: 2 } }, { type: "merge" });
    await place.until(replicationControllers, "web", "no failure is left", ({ status }) => !status?.conditions?.length);
  });

  test("a ReplicationController is made, watched, patched, scaled, listed, updated and deleted", async () => {
    await using place = await Place.open("replicas");
    const of = place.of(replicationControllers);
    const life = { ...labels, life: place.namespace };
    const selector = { labelSelector: `life=${place.namespace}` };
    const seen: string[] = [];
    const stop = place.watch(replicationControllers, ({ type }) => seen.push(type), selector.labelSelector);
    await of.create({ ...controller.make(1), metadata: { name: "web", labels: life } });
    await place.until<Set>(controller.type, "web", "one is ready", isReadyAt(1));
    await of.patch("web", { metadata: { labels: { more: "yes" } } }, { type: "merge" });
    const status = await of.patch(
      "web",
      { status: { readyReplicas: 0, availableReplicas: 0 } },
      { type: "merge", subresource: "status" },
    );
    expect(status.status?.readyReplicas ?? 0).toBe(0);
    await of.patch("web", { spec: { replicas: 2 } }, { type: "merge", subresource: "scale" });
    await place.until<Set>(controller.type, "web", "two are ready", isReadyAt(2));
    const { items } = await place.client.resource(replicationControllers).list(selector);
    expect(items.map(({ metadata }) => metadata?.labels)).toEqual([{ ...life, more: "yes" }]);
    await place.eventually("it is updated", async () => {
      const now = await of.get("web");
      return await of.update({ ...now, spec: { ...now.spec, replicas: 1 } });
    });
    await place.until<Set>(controller.type, "web", "one is left", isReadyAt(1));
    await of.deleteCollection({ propagationPolicy: "Background" }, selector);
    await place.untilGone(replicationControllers, "web");
    await place.eventually("its watchers saw it go", () => Promise.resolve(seen.at(-1) === "DELETED"));
    await stop();
    expect(seen[0]).toBe("ADDED");
  });
});
