// LimitRanges: what a pod gets that asks for nothing, and what it may not ask for.
import { limitRanges, pods, type LimitRange, type ResourceRequirements } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import { hasCluster, IDLE, nameOf, Place, shell } from "./place.ts";

const range = (labels: Record<string, string> = {}): LimitRange => ({
  metadata: { name: "limits", labels },
  spec: {
    limits: [
      {
        type: "Container",
        min: { cpu: "10m", memory: "10Mi" },
        max: { cpu: "500m", memory: "500Mi" },
        default: { cpu: "100m", memory: "100Mi" },
        defaultRequest: { cpu: "20m", memory: "20Mi" },
      },
    ],
  },
});

describe.skipIf(!hasCluster)("limit ranges", { concurrent: true }, () => {
  test("pods get the defaults of a LimitRange, and are refused outside of its bounds", async () => {
    await using place = await Place.open("limits");
    const made = await place.of(limitRanges).create(range());
    expect(made.spec).toEqual(range().spec);
    const create = async (name: string, resources: ResourceRequirements): Promise<ResourceRequirements | undefined> => {
      const containers = [shell(IDLE, { resources })];
      const pod = await place
        .of(pods)
        .create({ metadata: { name }, spec: { terminationGracePeriodSeconds: 1, containers } });
      return pod.spec?.containers[0]?.resources;
    };
    expect(await create("silent", {})).toEqual({
      requests: { cpu: "20m", memory: "20Mi" },
      limits: { cpu: "100m", memory: "100Mi" },
    });
    expect(await create("partial", { requests: { cpu: "30m" } })).toEqual({
      requests: { cpu: "30m", memory: "20Mi" },
      limits: { cpu: "100m", memory: "100Mi" },
    });
    await expect(create("little", { requests: { cpu: "1m" } })).rejects.toThrow(
      "minimum cpu usage per Container is 10m, but request is 1m",
    );
    await expect(create("much", { limits: { cpu: "600m" } })).rejects.toThrow(
      "maximum cpu usage per Container is 500m, but limit is 600m",
    );
    await place.eventually("it is updated", async () => {
      const now = await place.of(limitRanges).get("limits");
      const limits = now.spec?.limits.map((each) => ({ ...each, min: { cpu: "1m", memory: "1Mi" } })) ?? [];
      return await place.of(limitRanges).update({ ...now, spec: { limits } });
    });
    // What was too little is enough now.
    expect(await create("little", { requests: { cpu: "1m" } })).toMatchObject({ requests: { cpu: "1m" } });
    await place.of(limitRanges).delete("limits");
    await place.untilGone(limitRanges, "limits");
    expect(await create("much", { limits: { cpu: "600m" } })).toMatchObject({ limits: { cpu: "600m" } });
  });

  test("LimitRanges of all namespaces are listed by label, patched, and deleted with their collection", async () => {
    await using one = await Place.open("limits");
    await using two = await Place.open("limits");
    const labels = { life: one.namespace };
    const selector = { labelSelector: `life=${one.namespace}` };
    for (const place of [one, two]) await place.of(limitRanges).create(range(labels));
    const all = one.client.resource(limitRanges);
    expect((await all.list(selector)).items.map(nameOf)).toEqual(["limits", "limits"]);
    const patch = { metadata: { labels: { more: "yes" } }, spec: { limits: [{ type: "Pod", max: { cpu: "1" } }] } };
    const patched = await one.of(limitRanges).patch("limits", patch, { type: "merge" });
    expect([patched.metadata?.labels, patched.spec?.limits]).toEqual([
      { ...labels, more: "yes" },
      [{ type: "Pod", max: { cpu: "1" } }],
    ]);
    await one.of(limitRanges).deleteCollection({}, { labelSelector: "more=yes" });
    await one.untilGone(limitRanges, "limits");
    expect((await all.list(selector)).items.map(({ metadata }) => metadata?.namespace)).toEqual([two.namespace]);
  });
});
