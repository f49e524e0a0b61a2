// PodDisruptionBudgets over real pods: how many may be evicted.
import { replicaSets } from "@knots/api/apps/v1";
import { pods, type Pod } from "@knots/api/core/v1";
import { podDisruptionBudgets, type PodDisruptionBudget } from "@knots/api/policy/v1";
import { describe, expect, test } from "vitest";
import { hasCluster, IDLE, isReady, nameOf, Place, shell, template } from "./place.ts";

const labels = { app: "web" };
const SELECTOR = "app=web";

function budget(name: string, minAvailable: number | string, more: Record<string, string> = {}): PodDisruptionBudget {
  return { metadata: { name, labels: more }, spec: { minAvailable, selector: { matchLabels: labels } } };
}

async function web(place: Place, replicas: number): Promise<Pod[]> {
  await place.of(replicaSets).create({
    metadata: { name: "web" },
    spec: { replicas, selector: { matchLabels: labels }, template: template(labels, shell(IDLE)) },
  });
  return await place.untilPods("all are ready", SELECTOR, (all) => all.length === replicas && all.every(isReady));
}

const evict = async (place: Place, pod: Pod): Promise<unknown> =>
  await place.of(pods).createSubresource(nameOf(pod), "eviction", {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name: nameOf(pod), namespace: place.namespace },
  });

describe.skipIf(!hasCluster)("disruption budgets", { concurrent: true }, () => {
  test("PodDisruptionBudgets are made, updated, patched and deleted", async () => {
    await using place = await Place.open("budget");
    const of = place.of(podDisruptionBudgets);
    await of.create(budget("web", "1%"));
    await place.eventually("it is updated", async () => {
      const now = await of.get("web");
      return await of.update({ ...now, spec: { ...now.spec, minAvailable: "2%" } });
    });
    expect((await of.get("web")).spec?.minAvailable).toBe("2%");
    await of.patch("web", { spec: { minAvailable: "3%" } }, { type: "strategic" });
    const counted = await place.until(podDisruptionBudgets, "web", "counted", ({ metadata, status }) => {
      return status?.observedGeneration === metadata?.generation;
    });
    expect(counted.spec?.minAvailable).toBe("3%");
    await of.delete("web");
    await place.untilGone(podDisruptionBudgets, "web");
  });

  test("PodDisruptionBudgets of all namespaces are listed, those of one deleted with their collection", async () => {
    await using one = await Place.open("budget");
    await using two = await Place.open("budget");
    const mark = { life: one.namespace };
    const selector = { labelSelector: `life=${one.namespace}` };
    await one.of(podDisruptionBudgets).create(budget("a", 1, mark));
    await one.of(podDisruptionBudgets).create(budget("b", 1, mark));
    await two.of(podDisruptionBudgets).create(budget("c", 1, mark));
    const all = one.client.resource(podDisruptionBudgets);
    expect((await all.list(selector)).items.map(nameOf).toSorted()).toEqual(["a", "b", "c"]);
    await one.of(podDisruptionBudgets).deleteCollection({}, selector);
    await one.eventually("one is left", async () => String((await all.list(selector)).items.map(nameOf)) === "c");
  });

  test("the status of a PodDisruptionBudget tells how many pods may be disrupted", async () => {
    await using place = await Place.open("budget");
    await place.of(podDisruptionBudgets).create(budget("web", 1));
    const none = await place.until(podDisruptionBudgets, "web", "counted", ({ status }) => {
      return status?.observedGeneration === 1;
    });
    expect(none.status).toMatchObject({ disruptionsAllowed: 0, currentHealthy: 0 });
    await web(place, 2);
    const some = await place.until(podDisruptionBudgets, "web", "one is allowed", ({ status }) => {
      return status?.disruptionsAllowed === 1;
    });
    expect(some.status).toMatchObject({ currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 });
    expect(some.status?.conditions).toContainEqual(
      expect.objectContaining({ type: "DisruptionAllowed", status: "True", reason: "SufficientPods" }),
    );
  });

  test("the status of a PodDisruptionBudget is updated and patched apart from the rest", async () => {
    await using place = await Place.open("budget");
    const of = place.of(podDisruptionBudgets);
    await of.create(budget("web", 1));
    await place.until(podDisruptionBudgets, "web", "counted", ({ status }) => status?.observedGeneration === 1);
    const disruptedPods = { gone: "2031-01-01T00:00:00Z" };
    const patched = await of.patch("web", { status: { disruptedPods } }, { type: "merge", subresource: "status" });
    expect([patched.status?.disruptedPods, patched.spec?.minAvailable]).toEqual([disruptedPods, 1]);
    const updated = await place.eventually("it is updated", async () => {
      const now = await of.get("web");
      if (now.status === undefined) return undefined;
      return await of.updateStatus({ ...now, status: { ...now.status, disruptedPods: {} } });
    });
    expect(updated.status?.disruptedPods ?? {}).toEqual({});
  });

  test("an eviction is refused until the budget allows it", async () => {
    await using place = await Place.open("budget");
    const of = place.of(podDisruptionBudgets);
    await of.create(budget("web", 2));
    const [first = {}] = await web(place, 2);
    await place.until(podDisruptionBudgets, "web", "it knows the pods", ({ status }) => status?.currentHealthy === 2);
    await expect(evict(place, first)).rejects.toMatchObject({
      code: 429,
      reason: "TooManyRequests",
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
    });
    // kubectl says the same, and gives up after the time that it is given.
    const drain = `drain ${first.spec?.nodeName} --dry-run=server --timeout=2s --pod-selector=${SELECTOR}`;
    const { stderr } = await place.run(drain);
    expect(stderr).toContain(`error when evicting pods/"${nameOf(first)}"`);
    expect(stderr).toContain("Cannot evict pod as it would violate the pod's disruption budget.");
    expect(isReady(await place.of(pods).get(nameOf(first)))).toBe(true);

    await of.patch("web", { spec: { minAvailable: 1 } }, { type: "merge" });
    await place.until(podDisruptionBudgets, "web", "one is allowed", ({ status }) => status?.disruptionsAllowed === 1);
    await evict(place, first);
    await place.untilGone(pods, nameOf(first));
    await place.untilPods("another is made", SELECTOR, (all) => all.length === 2 && all.every(isReady));
  });
});
