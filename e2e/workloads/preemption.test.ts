// Who goes when somebody more important comes. Each test brings a resource of its own, so that no other pod is in question.
import { replicaSets } from "@knots/api/apps/v1";
import { pods, type Pod } from "@knots/api/core/v1";
import { priorityClasses } from "@knots/api/scheduling/v1";
import { describe, expect, test } from "vitest";
import { client, hasCluster, IDLE, isReady, nameOf, Place, shell, template } from "./place.ts";

/** A cluster-wide name that no other test has. */
const own = (place: Place, name: string): string => `${place.namespace}-${name}`;

/** Gives node-1 `amount` of a resource that nothing else has, and three priority classes; takes all of it back at the end. */
async function scarce(place: Place, amount: number): Promise<AsyncDisposable & { resource: string }> {
  await place.offer(amount);
  const classes = ["1", "2", "3", "4"];
  for (const level of classes) {
    await client()
      .resource(priorityClasses)
      .create({ metadata: { name: own(place, level) }, value: Number(level) });
  }
  return {
    resource: place.ownResource,
    async [Symbol.asyncDispose]() {
      for (const level of classes) await client().resource(priorityClasses).delete(own(place, level));
      await place.offer(undefined);
    },
  };
}

const asking = (resource: string, amount = 1): object => ({
  resources: { requests: { [resource]: String(amount) }, limits: { [resource]: String(amount) } },
});
function pod(name: string, priorityClassName: string, container: object, more: Partial<Pod["metadata"]> = {}): Pod {
  return {
    metadata: { name, ...more },
    spec: { terminationGracePeriodSeconds: 1, priorityClassName, containers: [shell(IDLE, container)] },
  };
}

describe.skipIf(!hasCluster)("scheduler preemption", { concurrent: true }, () => {
  test("a pod of higher priority takes the place of the lowest", async () => {
    await using place = await Place.open("preempt");
    await using room = await scarce(place, 2);
    const of = place.of(pods);
    await of.create(pod("low", own(place, "1"), asking(room.resource)));
    await of.create(pod("middle", own(place, "2"), asking(room.resource)));
    for (const name of ["low", "middle"]) await place.until(pods, name, "ready", isReady);
    await of.create(pod("high", own(place, "3"), asking(room.resource)));
    await place.until(pods, "high", "ready", isReady);
    await place.untilGone(pods, "low");
    expect(isReady(await of.get("middle"))).toBe(true);
    expect((await place.event("low", "Preempted")).message).toMatch(/^Preempted by pod \S+ on node node-1$/);
  });

  test("a critical pod takes the place of one that is not", async () => {
    await using place = await Place.open("preempt");
    await using room = await scarce(place, 1);
    await place.of(pods).create(pod("low", own(place, "1"), asking(room.resource)));
    await place.until(pods, "low", "ready", isReady);
    const system = client().resource(pods, "kube-system");
    const critical = own(place, "critical");
    await system.create(pod(critical, "system-cluster-critical", asking(room.resource)));
    try {
      await place.untilGone(pods, "low");
      await place.eventually("the critical pod is ready", async () => isReady(await system.get(critical)));
    } finally {
      await system.delete(critical);
    }
  });

  test("a pod that is preempted says so in its condition DisruptionTarget", async () => {
    await using place = await Place.open("preempt");
    await using room = await scarce(place, 1);
    const of = place.of(pods);
    await of.create(pod("victim", own(place, "1"), asking(room.resource), { finalizers: ["example.com/kept"] }));
    await place.until(pods, "victim", "ready", isReady);
    await of.create(pod("preemptor", own(place, "4"), asking(room.resource)));
    // The finalizer keeps it, so that its end can be looked at.
    const victim = await place.until(pods, "victim", "on its way out", ({ metadata }) => {
      return metadata?.deletionTimestamp !== undefined;
    });
    expect(victim.status?.conditions).toContainEqual(
      expect.objectContaining({
        type: "DisruptionTarget",
        status: "True",
        reason: "PreemptionByScheduler",
        message: "default-scheduler: preempting to accommodate a higher priority pod",
      }),
    );
    await of.patch("victim", { metadata: { finalizers: null } }, { type: "merge" });
    await place.untilGone(pods, "victim");
    await place.until(pods, "preemptor", "ready", isReady);
  });

  test("of ReplicaSets at four levels the lowest make room, and have their number of pods all the same", async () => {
    await using place = await Place.open("preempt");
    await using room = await scarce(place, 3);
    const start = async (level: string, amount: number): Promise<void> => {
      const labels = { level };
      const priorityClassName = own(place, level);
      await place.of(replicaSets).create({
        metadata: { name: `level-${level}` },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: template(labels, shell(IDLE, asking(room.resource, amount)), { priorityClassName }),
        },
      });
    };
    const running = async (level: string): Promise<Pod[]> =>
      await place.untilPods(`level ${level} runs`, `level=${level}`, (all) => all.length === 1 && all.every(isReady));
    for (const level of ["1", "2", "3"]) await start(level, 1);
    for (const level of ["1", "2", "3"]) await running(level);
    const [third = {}] = await running("3");
    await start("4", 2);
    await running("4");
    // Those who had to go are replaced by pods that wait.
    for (const level of ["1", "2"]) {
      await place.untilPods(`level ${level} waits`, `level=${level}`, ([only, ...more]) => {
        return more.length === 0 && only?.status?.phase === "Pending" && only.spec?.nodeName === undefined;
      });
      expect((await place.of(replicaSets).get(`level-${level}`)).status?.replicas).toBe(1);
    }
    expect((await running("3")).map(nameOf)).toEqual([nameOf(third)]);
  });

  test("PriorityClasses are listed, patched and updated, but for their value", async () => {
    await using place = await Place.open("preempt");
    const of = client().resource(priorityClasses);
    const labels = { life: place.namespace };
    const names = [own(place, "a"), own(place, "b")];
    for (const [i, name] of names.entries()) await of.create({ metadata: { name, labels }, value: i + 1 });
    const selector = { labelSelector: `life=${place.namespace}` };
    expect((await of.list(selector)).items.map(nameOf)).toEqual(names);
    const [first = ""] = names;
    const patched = await of.patch(first, { description: "patched" }, { type: "merge" });
    expect(patched.description).toBe("patched");
    const updated = await of.update({ ...patched, description: "updated" });
    expect(updated.description).toBe("updated");
    await expect(of.patch(first, { value: 10 }, { type: "merge" })).rejects.toThrow("may not be changed in an update");
    await expect(of.update({ ...updated, value: 10 })).rejects.toThrow("may not be changed in an update");
    await of.deleteCollection({}, selector);
    expect((await of.list(selector)).items).toEqual([]);
  });
});
