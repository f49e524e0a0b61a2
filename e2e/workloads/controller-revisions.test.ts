// The revisions that a DaemonSet leaves behind, as objects of their own.
import { controllerRevisions, daemonSets, type ControllerRevision } from "@knots/api/apps/v1";
import { isNotFound } from "@knots/machinery";
import { describe, expect, test } from "vitest";
import { controllerOf, hasCluster, IDLE, isReady, nameOf, Place, shell, template } from "./place.ts";

const labels = { app: "agent" };
const SELECTOR = "app=agent";

describe.skipIf(!hasCluster)("controller revisions", { concurrent: true }, () => {
  test("ControllerRevisions are made by their owner and by hand, labelled, replaced and deleted", async () => {
    await using place = await Place.open("revision");
    const of = place.of(controllerRevisions);
    const listed = async (selector = SELECTOR): Promise<ControllerRevision[]> =>
      (await of.list({ labelSelector: selector })).items;
    const made = await place.of(daemonSets).create({
      metadata: { name: "agent", labels },
      spec: { selector: { matchLabels: labels }, template: template(labels, shell(IDLE)) },
    });
    await place.untilPods("it runs", SELECTOR, (all) => all.length === 2 && all.every(isReady));
    const [first = { revision: 0 }] = await listed();
    expect(await listed()).toHaveLength(1);
    expect([first.revision, controllerOf(first)]).toEqual([1, made.metadata?.uid]);

    const patched = await of.patch(nameOf(first), { metadata: { labels: { touched: "yes" } } }, { type: "strategic" });
    expect(patched.metadata?.labels).toMatchObject({ ...labels, touched: "yes" });
    expect((await listed("touched=yes")).map(nameOf)).toEqual([nameOf(first)]);

    const second: ControllerRevision = {
      metadata: {
        name: "agent-by-hand",
        labels,
        ...(first.metadata?.ownerReferences === undefined ? {} : { ownerReferences: first.metadata.ownerReferences }),
      },
      ...(first.data === undefined ? {} : { data: first.data }),
      revision: 2,
    };
    await of.create(second);
    expect(await listed()).toHaveLength(2);
    // Of two alike the controller keeps the newer; it may have looked already.
    await of.delete(nameOf(first)).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    await place.eventually("one is left", async () => (await listed()).length === 1);

    await place.eventually("it is replaced", async () => {
      const now = await of.get("agent-by-hand");
      return await of.update({ ...now, metadata: { ...now.metadata, labels: { ...labels, touched: "again" } } });
    });
    expect(await listed("touched=again")).toHaveLength(1);

    await place
      .of(daemonSets)
      .patch("agent", { spec: { template: { spec: { terminationGracePeriodSeconds: 0 } } } }, { type: "strategic" });
    await place.eventually("the change has a revision", async () => (await listed()).length === 2);
    await of.deleteCollection({}, { labelSelector: "touched=again" });
    const [last] = await place.eventually("one is left", async () => {
      const all = await listed();
      return all.length === 1 && all;
    });
    expect(last?.revision).toBe(3);
  });
});
