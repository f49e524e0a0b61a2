// What cannot be meant so: it is refused or told of in upstream's words, and everything else goes on.
import {
  daemonSets,
  deployments,
  replicaSets,
  statefulSets,
  type Deployment,
  type DeploymentCondition,
  type ReplicaSet,
} from "@knots/api/apps/v1";
import { cronJobs, jobs, type CronJob } from "@knots/api/batch/v1";
import {
  configMaps,
  events,
  pods,
  replicationControllers,
  resourceQuotas,
  type ConfigMap,
  type Pod,
} from "@knots/api/core/v1";
import { podDisruptionBudgets, type PodDisruptionBudget } from "@knots/api/policy/v1";
import { priorityClasses } from "@knots/api/scheduling/v1";
import type { KubeObject, OwnerReference, ResourceType } from "@knots/machinery";
import { describe, expect, test } from "vitest";
import { client, controllerOf, hasCluster, IDLE, isReady, nameOf, Place, shell, template } from "./place.ts";

const labels = { app: "web" };
const SELECTOR = "app=web";
const selector = { matchLabels: labels };

const replicaSet = (name: string, replicas: number, more: object = {}): ReplicaSet => ({
  metadata: { name },
  spec: { replicas, selector, template: template({ ...labels, of: name }, shell(IDLE), more) },
});
const deployment = (name: string, replicas: number, container: object = {}, more: object = {}): Deployment => ({
  metadata: { name },
  spec: { replicas, selector, template: template(labels, shell(IDLE, container)), ...more },
});
const conditionOf = (object: Deployment | ReplicaSet, type: string): DeploymentCondition | undefined =>
  object.status?.conditions?.find((each) => each.type === type);
const uidsOf = (all: readonly KubeObject[]): string[] => all.map(({ metadata }) => metadata?.uid ?? "").toSorted();

/** A Deployment beside the mistake: it comes up, so the controllers, the scheduler and the nodes go on. */
async function othersGoOn(place: Place): Promise<void> {
  const good = { app: "good" };
  await place.of(deployments).create({
    metadata: { name: "good" },
    spec: { replicas: 1, selector: { matchLabels: good }, template: template(good, shell(IDLE)) },
  });
  await place.until(deployments, "good", "available", ({ status }) => status?.availableReplicas === 1);
}

describe.skipIf(!hasCluster)("bad input", { concurrent: true }, () => {
  test("a CronJob with a schedule or a time zone that nobody knows is refused, and the others go on", async () => {
    await using place = await Place.open("bad");
    const of = place.of(cronJobs);
    const cronJob = (name: string, spec: object): CronJob => ({
      metadata: { name },
      spec: {
        schedule: "* * * * *",
        suspend: true,
        jobTemplate: { spec: { template: template({}, shell("true"), { restartPolicy: "Never" }) } },
        ...spec,
      },
    });
    const refused: [spec: object, why: string][] = [
      [
        { schedule: "every day" },
        'spec.schedule: Invalid value: "every day": expected exactly 5 fields, found 2: [every day]',
      ],
      [
        { schedule: "61 * * * *" },
        'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61',
      ],
      [
        { schedule: "@fortnightly" },
        'spec.schedule: Invalid value: "@fortnightly": unrecognized descriptor: @fortnightly',
      ],
      [
        { schedule: "TZ=UTC 0 0 * * *" },
        'spec.schedule: Invalid value: "TZ=UTC 0 0 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
      ],
      [{ timeZone: "Mars/Base" }, 'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'],
    ];
    for (const [spec, why] of refused) {
      await expect(of.create(cronJob("bad", spec)), why).rejects.toMatchObject({
        code: 422,
        reason: "Invalid",
        message: `CronJob.batch "bad" is invalid: ${why}`,
      });
    }
    // One that is there cannot become one either, and runs as before.
    await of.create(cronJob("good", {}));
    await expect(of.patch("good", { spec: { schedule: "never" } }, { type: "merge" })).rejects.toMatchObject({
      message:
        'CronJob.batch "good" is invalid: spec.schedule: Invalid value: "never": expected exactly 5 fields, found 1: [never]',
    });
    await place.kubectl("create job by-hand --from=cronjob/good");
    await place.until(jobs, "by-hand", "complete", ({ status }) => status?.succeeded === 1);
  });

  test("a selector that does not match its template is refused in every kind", async () => {
    await using place = await Place.open("bad");
    const other = template({ app: "other" }, shell(IDLE));
    const spec = { selector, template: other };
    const once = template({ app: "other" }, shell("true"), { restartPolicy: "Never" });
    const kinds: [type: ResourceType, name: string, spec: object][] = [
      [deployments, "Deployment.apps", spec],
      [replicaSets, "ReplicaSet.apps", spec],
      [statefulSets, "StatefulSet.apps", { ...spec, serviceName: "web" }],
      [daemonSets, "DaemonSet.apps", spec],
      [replicationControllers, "ReplicationController", { selector: labels, template: other }],
      [jobs, "Job.batch", { manualSelector: true, selector, template: once }],
    ];
    for (const [type, name, of] of kinds) {
      await expect(
        place.of(type).create({ metadata: { name: "web" }, spec: of } as KubeObject),
        type.kind,
      ).rejects.toMatchObject({
        code: 422,
        reason: "Invalid",
        message: `${name} "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"other"}: \`selector\` does not match template \`labels\``,
      });
    }
    expect(await place.pods()).toEqual([]);
    await othersGoOn(place);
  });

  test("replicas far beyond what the nodes hold wait with a reason, and run once they fit", async () => {
    await using place = await Place.open("bad");
    const resource = place.ownResource;
    await place.offer(2);
    try {
      const asking = { resources: { requests: { [resource]: "1" }, limits: { [resource]: "1" } } };
      await place.of(deployments).create(deployment("web", 30, asking, { progressDeadlineSeconds: 5 }));
      const stuck = await place.until(deployments, "web", "it is stuck", (each) => {
        return (
          conditionOf(each, "Progressing")?.reason === "ProgressDeadlineExceeded" && each.status?.readyReplicas === 2
        );
      });
      expect(conditionOf(stuck, "Progressing")).toMatchObject({
        status: "False",
        message: expect.stringMatching(/^ReplicaSet "web-\w+" has timed out progressing\.$/) as string,
      });
      expect(conditionOf(stuck, "Available")).toMatchObject({
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      });
      const all = await place.untilPods("the others are told why", SELECTOR, (seen) => {
        const waiting = seen.filter(({ spec }) => spec?.nodeName === undefined);
        return (
          waiting.length === 28 &&
          waiting.every(({ status }) => status?.conditions?.some(({ reason }) => reason === "Unschedulable"))
        );
      });
      const waiting = all.find(({ spec }) => spec?.nodeName === undefined) ?? {};
      const words =
        `0/2 nodes are available: 2 Insufficient ${resource}. no new claims to deallocate, preemption: ` +
        "0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.";
      expect(waiting.status?.conditions?.find(({ type }) => type === "PodScheduled")?.message).toBe(words);
      expect((await place.event(nameOf(waiting), "FailedScheduling")).message).toBe(words);
      await othersGoOn(place);
      await place.kubectl("scale deployment web --replicas=2");
      const fits = await place.until(deployments, "web", "it fits", (each) => {
        return each.status?.replicas === 2 && conditionOf(each, "Available")?.status === "True";
      });
      expect(fits.status?.unavailableReplicas ?? 0).toBe(0);
    } finally {
      await place.offer(undefined);
    }
  });

  test("a Deployment beyond its quota says so until there is room", async () => {
    await using place = await Place.open("bad");
    await place.of(resourceQuotas).create({ metadata: { name: "few" }, spec: { hard: { pods: "2" } } });
    await place.until(resourceQuotas, "few", "it is known", ({ status }) => status?.hard?.["pods"] === "2");
    await place.of(deployments).create(deployment("web", 4));
    const failing = await place.until(deployments, "web", "it fails", (each) => {
      return conditionOf(each, "ReplicaFailure") !== undefined && each.status?.readyReplicas === 2;
    });
    const words = "exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2";
    expect(conditionOf(failing, "ReplicaFailure")).toMatchObject({ status: "True", reason: "FailedCreate" });
    expect(conditionOf(failing, "ReplicaFailure")?.message).toMatch(/^pods "web-\w+-\w+" is forbidden: /);
    expect(conditionOf(failing, "ReplicaFailure")?.message).toContain(words);
    const [set = {}] = (await place.of(replicaSets).list()).items;
    expect(conditionOf(set, "ReplicaFailure")).toMatchObject({ status: "True", reason: "FailedCreate" });
    const event = await place.event(nameOf(set), "FailedCreate");
    expect(event.type).toBe("Warning");
    expect(event.message).toMatch(/^Error creating: pods "web-\w+-\w+" is forbidden: exceeded quota: few, /);
    await place.of(resourceQuotas).patch("few", { spec: { hard: { pods: "4" } } }, { type: "merge" });
    // It would find out by itself, the later the longer it has failed; a change has it look at once.
    await place.of(deployments).patch("web", { spec: { replicas: 3 } }, { type: "merge" });
    await place.until(deployments, "web", "it is whole", (each) => {
      return conditionOf(each, "ReplicaFailure") === undefined && each.status?.readyReplicas === 3;
    });
  });

  test("an account that does not exist keeps a ReplicaSet from making pods until it does", async () => {
    await using place = await Place.open("bad");
    await place.of(replicaSets).create(replicaSet("web", 1, { serviceAccountName: "nobody" }));
    expect((await place.event("web", "FailedCreate")).message).toMatch(
      /^Error creating: pods "web-\w*" is forbidden: error looking up service account [\w-]+\/nobody: serviceaccount "nobody" not found$/,
    );
    const failing = await place.until(replicaSets, "web", "it fails", (each) => {
      return conditionOf(each, "ReplicaFailure") !== undefined;
    });
    expect(conditionOf(failing, "ReplicaFailure")).toMatchObject({ status: "True", reason: "FailedCreate" });
    await othersGoOn(place);
    await place.kubectl("create serviceaccount nobody");
    await place.until(replicaSets, "web", "it is whole", (each) => {
      return conditionOf(each, "ReplicaFailure") === undefined && each.status?.readyReplicas === 1;
    });
  });

  test("ReplicaSets that claim the same pods keep each its own, and do not fight over an orphan", async () => {
    await using place = await Place.open("bad");
    const sets: ReplicaSet[] = [];
    for (const name of ["one", "two"]) sets.push(await place.of(replicaSets).create(replicaSet(name, 2)));
    const own = (all: readonly Pod[], i: number): Pod[] =>
      all.filter((each) => controllerOf(each) === sets[i]?.metadata?.uid);
    const settled = (one: number, two: number) => (all: readonly Pod[]) =>
      all.length === one + two && own(all, 0).length === one && own(all, 1).length === two && all.every(isReady);
    const before = await place.untilPods("each has two", SELECTOR, settled(2, 2));
    // Each by its own template: nobody took a pod of the other.
    expect(own(before, 0).map(({ metadata }) => metadata?.labels?.["of"])).toEqual(["one", "one"]);

    await place.of(replicaSets).patch("one", { spec: { replicas: 3 } }, { type: "merge" });
    const more = await place.untilPods("one has three", SELECTOR, settled(3, 2));
    expect(uidsOf(own(more, 1))).toEqual(uidsOf(own(before, 1)));
    expect(uidsOf(own(more, 0))).toEqual(expect.arrayContaining(uidsOf(own(before, 0))));

    // An orphan that both would like is one too many for whoever is first: that one ends it, the other looks on.
    await place.of(pods).create({
      metadata: { name: "orphan", labels, annotations: { "controller.kubernetes.io/pod-deletion-cost": "-1" } },
      spec: template(labels, shell(IDLE)).spec ?? { containers: [] },
    });
    await place.untilGone(pods, "orphan");
    const after = await place.untilPods("all is as before", SELECTOR, settled(3, 2));
    expect(uidsOf(after)).toEqual(uidsOf(more));

    // The one goes with its own pods alone.
    await place.of(replicaSets).delete("one");
    await place.untilPods("two has its own", SELECTOR, settled(0, 2));
    expect(uidsOf(await place.pods({ labelSelector: SELECTOR }))).toEqual(uidsOf(own(before, 1)));
  });

  test("what names owners that do not exist goes, and what has another owner stays", async () => {
    await using place = await Place.open("bad");
    const of = place.of(configMaps);
    const owner = await of.create({ metadata: { name: "owner" } });
    const missing = reference("v1", "ConfigMap", { name: "missing", uid: "11111111-2222-3333-4444-555555555555" });
    // The right name with the uid of one that was there before is no better.
    const former = reference("v1", "ConfigMap", { name: "owner", uid: "66666666-2222-3333-4444-555555555555" });
    await of.create(owned("shared", missing, reference("v1", "ConfigMap", owner.metadata)));
    await of.create(owned("lonely", missing));
    await of.create(owned("left", former));
    await place.of(pods).create({
      metadata: { name: "lonely", ownerReferences: [{ ...missing, controller: true }] },
      spec: template({}, shell(IDLE)).spec ?? { containers: [] },
    });
    await place.untilGone(configMaps, "lonely");
    await place.untilGone(configMaps, "left");
    await place.untilGone(pods, "lonely");
    const shared = await place.until(configMaps, "shared", "one owner is left", ({ metadata }) => {
      return metadata?.ownerReferences?.length === 1;
    });
    expect(shared.metadata?.ownerReferences?.[0]?.uid).toBe(owner.metadata?.uid);
    // A kind that nobody serves proves nothing of its objects.
    const kindless = reference("example.com/v1", "Unknown", { name: "x", uid: "77777777-2222-3333-4444-555555555555" });
    await of.create(owned("kindless", kindless));
    await of.create(owned("last", missing));
    await place.untilGone(configMaps, "last");
    expect((await of.get("kindless")).metadata?.ownerReferences).toHaveLength(1);
    await othersGoOn(place);
  });

  test("an owner of another namespace is none, and an Event says so", async () => {
    await using place = await Place.open("bad");
    await using elsewhere = await Place.open("bad");
    const owner = await elsewhere.of(configMaps).create({ metadata: { name: "owner" } });
    const wrong = reference("v1", "ConfigMap", owner.metadata);
    const seen = async (uid: string | undefined, namespace: string): Promise<string> =>
      await place.eventually("an Event OwnerRefInvalidNamespace", async () => {
        const fieldSelector = `involvedObject.uid=${uid},reason=OwnerRefInvalidNamespace`;
        const { items } = await client().resource(events, namespace).list({ fieldSelector });
        return items[0]?.type === "Warning" ? items[0].message : undefined;
      });
    const words = (namespace: string): string =>
      `ownerRef [v1/ConfigMap, namespace: ${namespace}, name: owner, uid: ${owner.metadata?.uid}] does not exist in namespace "${namespace}"`;
    const child = await place.of(configMaps).create(owned("child", wrong));
    await place.untilGone(configMaps, "child");
    expect(await seen(child.metadata?.uid, place.namespace)).toBe(words(place.namespace));
    // One of the whole cluster cannot be looked up anywhere: it stays.
    const everywhere = client().resource(priorityClasses);
    const name = `${place.namespace}-owned`;
    const made = await everywhere.create({ metadata: { name, ownerReferences: [wrong] }, value: 1 });
    try {
      expect(await seen(made.metadata?.uid, "default")).toBe(words(""));
      expect((await everywhere.get(name)).metadata?.deletionTimestamp).toBeUndefined();
    } finally {
      await everywhere.delete(name);
    }
    expect((await elsewhere.of(configMaps).get("owner")).metadata?.deletionTimestamp).toBeUndefined();
  });

  test("a pod that two budgets select cannot be evicted, and can be once one is gone", async () => {
    await using place = await Place.open("bad");
    for (const name of ["one", "two"]) await place.of(podDisruptionBudgets).create(budget(name, { minAvailable: 0 }));
    await place.of(replicaSets).create(replicaSet("web", 1));
    const [pod = {}] = await place.untilPods("ready", SELECTOR, (all) => all.length === 1 && all.every(isReady));
    for (const name of ["one", "two"]) {
      await place.until(podDisruptionBudgets, name, "it knows the pod", ({ status }) => status?.currentHealthy === 1);
    }
    const words = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    await expect(evict(place, pod)).rejects.toMatchObject({ code: 500, message: words });
    expect(await place.of(pods).get(nameOf(pod))).toMatchObject({ metadata: { uid: pod.metadata?.uid } });
    expect((await place.of(pods).get(nameOf(pod))).metadata?.deletionTimestamp).toBeUndefined();
    await place.of(podDisruptionBudgets).delete("two");
    await evict(place, pod);
    await place.untilGone(pods, nameOf(pod));
    await place.untilPods("another is made", SELECTOR, (all) => all.length === 1 && all.every(isReady));
  });

  test("a budget that matches no pod says so and allows nothing", async () => {
    await using place = await Place.open("bad");
    await place.of(podDisruptionBudgets).create(budget("web", { maxUnavailable: 1 }));
    expect(await place.event("web", "NoPods")).toMatchObject({ type: "Normal", message: "No matching pods found" });
    const counted = await place.until(podDisruptionBudgets, "web", "counted", ({ status }) => {
      return status?.observedGeneration === 1;
    });
    expect(counted.status).toMatchObject({ expectedPods: 0, disruptionsAllowed: 0 });
    expect(counted.status?.conditions).toContainEqual(
      expect.objectContaining({ type: "DisruptionAllowed", status: "False", reason: "InsufficientPods" }),
    );
    await place.of(replicaSets).create(replicaSet("web", 2));
    await place.until(podDisruptionBudgets, "web", "one may go", ({ status }) => status?.disruptionsAllowed === 1);
  });

  test("a budget over pods that nobody counts says so and lets none be evicted", async () => {
    await using place = await Place.open("bad");
    await place.of(podDisruptionBudgets).create(budget("web", { maxUnavailable: 1 }));
    await place.of(daemonSets).create({
      metadata: { name: "web" },
      spec: { selector, template: template(labels, shell(IDLE)) },
    });
    const [pod = {}] = await place.untilPods("ready", SELECTOR, (all) => all.length === 2 && all.every(isReady));
    const event = await place.event("web", "CalculateExpectedPodCountFailed");
    const words = "daemonsets.apps does not implement the scale subresource";
    expect(event).toMatchObject({
      type: "Warning",
      message: `Failed to calculate the number of expected pods: ${words}`,
    });
    const failed = await place.until(podDisruptionBudgets, "web", "it failed", ({ status }) => {
      return status?.conditions?.[0]?.reason === "SyncFailed";
    });
    expect(failed.status?.conditions?.[0]).toMatchObject({
      type: "DisruptionAllowed",
      status: "False",
      message: words,
    });
    await expect(evict(place, pod)).rejects.toMatchObject({ code: 429 });
    // A number of pods that have to be there needs no count of those that should.
    await place
      .of(podDisruptionBudgets)
      .patch("web", { spec: { maxUnavailable: null, minAvailable: 1 } }, { type: "merge" });
    await place.until(podDisruptionBudgets, "web", "one may go", ({ status }) => status?.disruptionsAllowed === 1);
    await evict(place, pod);
    await place.untilGone(pods, nameOf(pod));
  });
});

function reference(
  apiVersion: string,
  kind: string,
  { name = "", uid = "" }: { name?: string; uid?: string } = {},
): OwnerReference {
  return { apiVersion, kind, name, uid };
}

function owned(name: string, ...ownerReferences: OwnerReference[]): ConfigMap {
  return { metadata: { name, ownerReferences } };
}

function budget(name: string, spec: object): PodDisruptionBudget {
  return { metadata: { name }, spec: { selector, ...spec } };
}

async function evict(place: Place, pod: Pod): Promise<void> {
  const metadata = { name: nameOf(pod), namespace: place.namespace };
  await place
    .of(pods)
    .createSubresource(nameOf(pod), "eviction", { apiVersion: "policy/v1", kind: "Eviction", metadata });
}
