// Deployments on real containers: how one set of pods takes another's place.
import { deployments, replicaSets, type Deployment, type DeploymentSpec, type ReplicaSet } from "@knots/api/apps/v1";
import { pods } from "@knots/api/core/v1";
import type { Scale } from "@knots/api/autoscaling/v1";
import { describe, expect, test } from "vitest";
import { controllerOf, hasCluster, IDLE, isReady, nameOf, Place, shell, template } from "./place.ts";

const labels = { app: "web" };
const SELECTOR = "app=web";
const version = (name: string): object => ({
  spec: { template: { spec: { containers: [{ name: "main", env: [{ name: "VERSION", value: name }] }] } } },
});

function deployment(spec: Partial<DeploymentSpec> = {}): Deployment {
  return {
    metadata: { name: "web", labels },
    spec: { selector: { matchLabels: labels }, template: template(labels, shell(IDLE)), ...spec },
  };
}

/** Whether all that was asked for is there, and nothing else. */
function isDone({ metadata, spec, status }: Deployment): boolean {
  const replicas = spec?.replicas ?? 0;
  return (
    status?.observedGeneration === metadata?.generation &&
    [status?.replicas, status?.updatedReplicas, status?.availableReplicas].every((each) => (each ?? 0) === replicas)
  );
}

const revisionOf = (set: ReplicaSet): number =>
  Number(set.metadata?.annotations?.["deployment.kubernetes.io/revision"] ?? 0);

/** Its ReplicaSets, the oldest first. */
async function sets(place: Place): Promise<ReplicaSet[]> {
  const { items } = await place.of(replicaSets).list({ labelSelector: SELECTOR });
  return items.toSorted((a, b) => revisionOf(a) - revisionOf(b));
}
const done = async (place: Place): Promise<Deployment> => await place.until(deployments, "web", "done", isDone);
const change = async (place: Place, patch: object): Promise<Deployment> =>
  await place.of(deployments).patch("web", patch, { type: "strategic" });
const sizes = (all: readonly ReplicaSet[]): number[] => all.map(({ spec }) => spec?.replicas ?? 0);

describe.skipIf(!hasCluster)("deployments", { concurrent: true }, () => {
  test("a rolling update replaces the pods of a ReplicaSet that the Deployment adopted", async () => {
    await using place = await Place.open("deploy");
    // The set was there first, with a revision of its own.
    const revision = { "deployment.kubernetes.io/revision": "3546343826724305832" };
    await place.of(replicaSets).create({
      metadata: { name: "before", labels, annotations: revision },
      spec: { replicas: 1, selector: { matchLabels: labels }, template: template(labels, shell(IDLE)) },
    });
    await place.untilPods("the first pod is ready", SELECTOR, (all) => all.filter(isReady).length === 1);
    const made = await place.of(deployments).create({
      ...deployment({ replicas: 1 }),
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: template(labels, shell(IDLE, { env: [{ name: "VERSION", value: "2" }] })),
      },
    });
    await done(place);
    const all = (await place.of(replicaSets).list()).items;
    expect(all.every((each) => controllerOf(each) === made.metadata?.uid)).toBe(true);
    const old = all.find((each) => nameOf(each) === "before");
    const fresh = all.find((each) => nameOf(each) !== "before");
    expect([old?.spec?.replicas, fresh?.spec?.replicas]).toEqual([0, 1]);
    expect(fresh?.metadata?.annotations?.["deployment.kubernetes.io/revision"]).toBe("3546343826724305833");
    expect(await place.kubectl("rollout status deployment/web")).toContain("successfully rolled out");
  });

  test("Recreate ends every old pod before the first new one is made", async () => {
    await using place = await Place.open("deploy");
    await place.of(deployments).create(deployment({ replicas: 2, strategy: { type: "Recreate" } }));
    await done(place);
    // Every pod, as it comes and ends, with the set it belongs to: never two sets at once. One that has ended may be there
    // for a moment still: its node removes it after telling the end.
    const generations = new Map<string, string>();
    const together: string[][] = [];
    const stop = place.watch(pods, ({ type, object }) => {
      const ended = type === "DELETED" || ["Failed", "Succeeded"].includes(object.status?.phase ?? "");
      if (ended) generations.delete(nameOf(object));
      else generations.set(nameOf(object), object.metadata?.labels?.["pod-template-hash"] ?? "");
      together.push([...new Set(generations.values())]);
    });
    await place.eventually("the watch shows both pods", () => Promise.resolve(generations.size === 2));
    await change(place, version("2"));
    await done(place);
    await stop();
    expect(together.filter((each) => each.length > 1)).toEqual([]);
    expect(new Set(together.flat()).size).toBe(2);
    expect(sizes(await sets(place))).toEqual([0, 2]);
  });

  test("old ReplicaSets beyond revisionHistoryLimit are deleted", async () => {
    await using place = await Place.open("deploy");
    await place.of(deployments).create(deployment({ replicas: 1, revisionHistoryLimit: 0 }));
    await done(place);
    await change(place, version("2"));
    await done(place);
    await place.eventually("only the new set is left", async () => (await sets(place)).length === 1);
    expect((await sets(place)).map(revisionOf)).toEqual([2]);
  });

  test("a rollout that another change overtakes goes on to the newest", async () => {
    await using place = await Place.open("deploy");
    await place.of(deployments).create(deployment({ replicas: 2, minReadySeconds: 2 }));
    await done(place);
    // A version that cannot start is in the way of nothing.
    const image = (name: string): object => ({
      spec: { template: { spec: { containers: [{ name: "main", image: name }] } } },
    });
    await change(place, image("localhost/no-such-image:1"));
    await place.eventually("the bad version has begun", async () => (await sets(place)).length === 2);
    await change(place, { ...image("busybox:1.35") });
    await change(place, version("3"));
    await done(place);
    expect(sizes(await sets(place)).toSorted((a, b) => a - b)).toEqual(expect.arrayContaining([0, 2]));
    const newest = (await sets(place)).at(-1);
    expect(newest?.spec?.replicas).toBe(2);
    const all = await place.untilPods("two pods are left", SELECTOR, (each) => each.length === 2);
    expect(new Set(all.map(controllerOf))).toEqual(new Set([newest?.metadata?.uid]));
  });

  test("a Deployment scaled in the middle of a rollout gives each ReplicaSet its share", async () => {
    await using place = await Place.open("deploy");
    const rollingUpdate = { maxSurge: 3, maxUnavailable: 2 };
    await place.of(deployments).create(deployment({ replicas: 5, strategy: { type: "RollingUpdate", rollingUpdate } }));
    await done(place);
    // No node takes the new version: the rollout stops at 3 old pods and 5 new ones.
    await change(place, { spec: { template: { spec: { nodeSelector: { nowhere: "true" } } } } });
    await place.eventually("the rollout halts", async () => String(sizes(await sets(place))) === "3,5");
    await place.until(deployments, "web", "it knows all 8", ({ status }) => status?.replicas === 8);
    await change(place, { spec: { replicas: 10 } });
    // Five more are shared out as 3 to 5: two and three.
    await place.eventually("each has its share", async () => String(sizes(await sets(place))) === "5,8");
  });

  test("the scale of a Deployment is read, updated and patched", async () => {
    await using place = await Place.open("deploy");
    await place.of(deployments).create(deployment({ replicas: 1 }));
    await done(place);
    const scale = (await place.of(deployments).getSubresource("web", "scale")) as Scale;
    expect([scale.spec?.replicas, scale.status]).toEqual([1, { replicas: 1, selector: SELECTOR }]);
    const update = { ...scale, spec: { replicas: 2 } } as Deployment;
    await place.of(deployments).updateSubresource("scale", update);
    expect((await done(place)).spec?.replicas).toBe(2);
    const patched = await place
      .of(deployments)
      .patch("web", { spec: { replicas: 3 } }, { type: "merge", subresource: "scale" });
    expect((patched as Scale).spec?.replicas).toBe(3);
    expect((await done(place)).status?.readyReplicas).toBe(3);
  });

  test("a Deployment is made, watched, patched, scaled, found in all namespaces, and deleted with its collection", async () => {
    await using place = await Place.open("deploy");
    const life = { ...labels, life: place.namespace };
    const selector = { labelSelector: `life=${place.namespace}` };
    const seen: string[] = [];
    const stop = place.watch(deployments, ({ type }) => seen.push(type), selector.labelSelector);
    await place.of(deployments).create({ ...deployment({ replicas: 1 }), metadata: { name: "web", labels: life } });
    await done(place);
    await change(place, { metadata: { labels: { more: "yes" } }, spec: { replicas: 2 } });
    expect((await done(place)).metadata?.labels).toEqual({ ...life, more: "yes" });
    const { items } = await place.client.resource(deployments).list(selector);
    expect(items.map(({ metadata }) => metadata?.namespace)).toEqual([place.namespace]);

    const status = (await place.of(deployments).getSubresource("web", "status")) as Deployment;
    expect(status.status?.readyReplicas).toBe(2);
    const touched = { metadata: { annotations: { touched: "yes" } }, status: { readyReplicas: 0 } };
    const patched = await place.of(deployments).patch("web", touched, { type: "merge", subresource: "status" });
    expect([patched.metadata?.annotations?.["touched"], patched.status?.readyReplicas ?? 0]).toEqual(["yes", 0]);
    // Status is what is seen, not what somebody wrote.
    await change(place, { metadata: { annotations: { touched: "again" } }, spec: { minReadySeconds: 1 } });
    await place.until(deployments, "web", "it counts anew", (each) => each.status?.readyReplicas === 2);

    await place.of(deployments).deleteCollection({ propagationPolicy: "Background" }, selector);
    await place.untilGone(deployments, "web");
    await place.eventually("its watchers saw it go", () => Promise.resolve(seen.at(-1) === "DELETED"));
    await stop();
    expect(seen[0]).toBe("ADDED");
    await place.untilPods("its pods are gone", SELECTOR, (all) => all.length === 0);
    expect(await sets(place)).toEqual([]);
  });

  test("the status of a Deployment is read, updated and patched apart from the rest", async () => {
    await using place = await Place.open("deploy");
    await place.of(deployments).create(deployment({ replicas: 1 }));
    await done(place);
    const condition = { type: "StatusUpdate", status: "True" as const, reason: "E2E", message: "Set from e2e test" };
    await place.eventually("the status is updated", async () => {
      const now = (await place.of(deployments).getSubresource("web", "status")) as Deployment;
      const conditions = [...(now.status?.conditions ?? []), condition];
      return await place.of(deployments).updateStatus({ ...now, status: { ...now.status, conditions } });
    });
    const patched = { ...condition, type: "StatusPatched" };
    await place
      .of(deployments)
      .patch("web", { status: { conditions: [patched] } }, { type: "strategic", subresource: "status" });
    const { status, spec } = await place.of(deployments).get("web");
    expect(status?.conditions).toContainEqual(expect.objectContaining(condition));
    expect(status?.conditions).toContainEqual(expect.objectContaining(patched));
    expect(spec?.replicas).toBe(1);
  });
});
