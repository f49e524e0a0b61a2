// DaemonSets on real containers: a pod on each node that they select.
import { daemonSets, type DaemonSet, type DaemonSetSpec } from "@knots/api/apps/v1";
import { events, nodes, pods, type Pod } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import { client, hasCluster, IDLE, isReady, nameOf, Place, shell, template } from "./place.ts";

const labels = { app: "agent" };
const SELECTOR = "app=agent";

function daemonSet(spec: Partial<DaemonSetSpec> = {}, pod: object = {}): DaemonSet {
  return {
    metadata: { name: "agent", labels },
    spec: { selector: { matchLabels: labels }, template: template(labels, shell(IDLE), pod), ...spec },
  };
}

const nodesOf = (all: readonly Pod[]): string[] => all.map(({ spec }) => spec?.nodeName ?? "").toSorted();
const ready =
  (where: readonly string[]) =>
  (all: Pod[]): boolean =>
    all.every(isReady) && String(nodesOf(all)) === String(where);
const EVERYWHERE = ["node-1", "node-2"];
const everywhere = async (place: Place): Promise<Pod[]> =>
  await place.untilPods("it runs on both nodes", SELECTOR, ready(EVERYWHERE));
const change = async (place: Place, patch: object): Promise<DaemonSet> =>
  await place.of(daemonSets).patch("agent", patch, { type: "strategic" });
const version = (name: string): object => ({
  spec: { template: { spec: { containers: [{ name: "main", env: [{ name: "VERSION", value: name }] }] } } },
});
const versionOf = ({ spec }: Pod): string | undefined => spec?.containers[0]?.env?.[0]?.value;
const uidOf = ({ metadata }: Pod): string | undefined => metadata?.uid;

/** Each label is of one test: another's DaemonSets do not see it. */
async function labelNode(node: string, label: string, value: string | null): Promise<void> {
  await client()
    .resource(nodes)
    .patch(node, { metadata: { labels: { [label]: value } } }, { type: "merge" });
}

describe.skipIf(!hasCluster)("daemon sets", { concurrent: true }, () => {
  test("a DaemonSet runs a pod on each node, and another where one was deleted", async () => {
    await using place = await Place.open("daemon");
    await place.of(daemonSets).create(daemonSet());
    const [first] = await everywhere(place);
    // The controller wrote their node itself: the scheduler had no part in it.
    const reasons = async (): Promise<(string | undefined)[]> => {
      const { items } = await place.of(events).list({ fieldSelector: `involvedObject.name=${nameOf(first ?? {})}` });
      return items.map(({ reason }) => reason);
    };
    // Events come a moment after what they tell of.
    await expect.poll(reasons, { timeout: 30_000 }).toContain("Started");
    expect(await reasons()).not.toContain("Scheduled");
    await place.of(pods).delete(nameOf(first ?? {}));
    await place.untilPods("another is made", SELECTOR, (all) => {
      return ready(EVERYWHERE)(all) && !all.some((pod) => uidOf(pod) === uidOf(first ?? {}));
    });
  });

  test("a DaemonSet with a node selector follows the labels of the nodes, and its own change", async () => {
    await using place = await Place.open("daemon");
    const label = `${place.namespace}/color`;
    try {
      await place.of(daemonSets).create(daemonSet({}, { nodeSelector: { [label]: "blue" } }));
      await place.until(daemonSets, "agent", "it is seen", ({ metadata, status }) => {
        return status?.observedGeneration === metadata?.generation;
      });
      expect(await place.pods()).toEqual([]);
      await labelNode("node-2", label, "blue");
      await place.untilPods("it runs on the blue node", SELECTOR, ready(["node-2"]));
      await labelNode("node-2", label, "green");
      await place.untilPods("it is gone from there", SELECTOR, (all) => all.length === 0);
      await change(place, { spec: { template: { spec: { nodeSelector: { [label]: "green" } } } } });
      await place.untilPods("it runs on the green node", SELECTOR, ready(["node-2"]));
    } finally {
      await labelNode("node-2", label, null);
    }
  });

  test("a pod that failed is deleted and made again", async () => {
    await using place = await Place.open("daemon");
    await place.of(daemonSets).create(daemonSet());
    const [first] = await everywhere(place);
    const status = { phase: "Failed" };
    await place.of(pods).patch(nameOf(first ?? {}), { status }, { type: "merge", subresource: "status" });
    await place.untilPods("another is made", SELECTOR, (all) => {
      return ready(EVERYWHERE)(all) && !all.some((pod) => uidOf(pod) === uidOf(first ?? {}));
    });
    expect((await place.event("agent", "FailedDaemonPod")).message).toBe(
      `Found failed daemon pod ${place.namespace}/${nameOf(first ?? {})} on node ${first?.spec?.nodeName}, will try to kill it`,
    );
  });

  test("a rolling update replaces the pods node by node", async () => {
    await using place = await Place.open("daemon");
    await place.of(daemonSets).create(daemonSet());
    await everywhere(place);
    let fewest = 2;
    const stop = place.watch(daemonSets, ({ object: { status } }) => {
      if (status !== undefined && status.numberReady > 0) fewest = Math.min(fewest, status.numberReady);
    });
    await change(place, version("2"));
    await place.untilPods("both are new", SELECTOR, (all) => {
      return ready(EVERYWHERE)(all) && all.every((pod) => versionOf(pod) === "2");
    });
    await stop();
    expect(fewest).toBeGreaterThanOrEqual(1);
    expect(await place.kubectl("rollout status daemonset/agent")).toContain("successfully rolled out");
  });

  test("a rollback leaves the pods that the bad version had not reached as they are", async () => {
    await using place = await Place.open("daemon");
    await place.of(daemonSets).create(daemonSet());
    const before = await everywhere(place);
    const image = "localhost/no-such-image:1";
    await change(place, { spec: { template: { spec: { containers: [{ name: "main", image }] } } } });
    await place.untilPods("one has the bad version", SELECTOR, (all) => {
      return all.filter(({ spec }) => spec?.containers[0]?.image === image).length === 1;
    });
    await place.kubectl("rollout undo daemonset/agent");
    const after = await everywhere(place);
    const kept = after.filter((pod) => before.some((each) => uidOf(each) === uidOf(pod)));
    expect(kept.map(({ status }) => status?.containerStatuses?.[0]?.restartCount)).toEqual([0]);
  });

  test("DaemonSets are listed by label and deleted with their collection", async () => {
    await using place = await Place.open("daemon");
    const selector = { labelSelector: `life=${place.namespace}` };
    const made = daemonSet({}, { nodeSelector: { "kubernetes.io/hostname": "node-1" } });
    await place.of(daemonSets).create({ ...made, metadata: { name: "agent", labels: { life: place.namespace } } });
    await place.untilPods("it runs", SELECTOR, ready(["node-1"]));
    expect((await place.client.resource(daemonSets).list(selector)).items).toHaveLength(1);
    await place.of(daemonSets).deleteCollection({ propagationPolicy: "Background" }, selector);
    await place.untilGone(daemonSets, "agent");
    await place.untilPods("its pods are gone", SELECTOR, (all) => all.length === 0);
  });

  test("the status of a DaemonSet is read, updated and patched apart from the rest", async () => {
    await using place = await Place.open("daemon");
    const of = place.of(daemonSets);
    await of.create(daemonSet({}, { nodeSelector: { "kubernetes.io/hostname": "node-1" } }));
    await place.untilPods("it runs", SELECTOR, ready(["node-1"]));
    const condition = { type: "StatusUpdate", status: "True" as const, reason: "E2E", message: "Set from e2e test" };
    await place.eventually("the status is updated", async () => {
      const now = (await of.getSubresource("agent", "status")) as DaemonSet;
      if (now.status === undefined) return undefined;
      const conditions = [...(now.status.conditions ?? []), condition];
      return await of.updateStatus({ ...now, status: { ...now.status, conditions } });
    });
    const patched = { ...condition, type: "StatusPatched" };
    await of.patch("agent", { status: { conditions: [patched] } }, { type: "strategic", subresource: "status" });
    const { status } = await of.get("agent");
    expect(status?.conditions).toContainEqual(expect.objectContaining(condition));
    expect(status?.conditions).toContainEqual(expect.objectContaining(patched));
  });
});
