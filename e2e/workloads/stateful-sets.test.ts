// StatefulSets on real containers: pods with names, in their order.
import { statefulSets, type StatefulSet, type StatefulSetSpec } from "@knots/api/apps/v1";
import type { Scale } from "@knots/api/autoscaling/v1";
import { pods, services, type Pod } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import { hasCluster, IDLE, isReady, nameOf, Place, shell, template } from "./place.ts";

const labels = { app: "db" };
const SELECTOR = "app=db";
const REVISION = "controller-revision-hash";
/** Ready while a file is there, which is so from the start. */
const readinessProbe = { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1, timeoutSeconds: 10 };
const healthy = shell(`mkdir /www; touch /www/ready; httpd -p 8080 -h /www; ${IDLE}`, { readinessProbe });
const setHealth = async (place: Place, pod: string, ready: boolean): Promise<string> =>
  await place.kubectl(`exec ${pod} -- ${ready ? "touch" : "rm"} /www/ready`);

/** Makes the set and its Service. */
async function start(place: Place, spec: Partial<StatefulSetSpec>, container = shell(IDLE)): Promise<StatefulSet> {
  await place.of(services).create({
    metadata: { name: "db" },
    spec: { clusterIP: "None", selector: labels, ports: [{ port: 80 }] },
  });
  return await place.of(statefulSets).create({
    metadata: { name: "db", labels },
    spec: { serviceName: "db", selector: { matchLabels: labels }, template: template(labels, container), ...spec },
  });
}

const settled = async (place: Place, count: number): Promise<StatefulSet> =>
  await place.until(statefulSets, "db", `${count} are ready`, ({ metadata, status }) => {
    const counts = [status?.replicas, status?.readyReplicas ?? 0];
    return status?.observedGeneration === metadata?.generation && counts.every((each) => each === count);
  });
const change = async (place: Place, patch: object): Promise<StatefulSet> =>
  await place.of(statefulSets).patch("db", patch, { type: "strategic" });
const version = (name: string): object => ({
  template: { spec: { containers: [{ name: "main", env: [{ name: "VERSION", value: name }] }] } },
});
const revisions = (all: readonly Pod[]): (string | undefined)[] =>
  all.map(({ metadata }) => metadata?.labels?.[REVISION]);
const untilRevisions = async (place: Place, what: string, wanted: readonly (string | undefined)[]): Promise<Pod[]> =>
  await place.untilPods(what, SELECTOR, (all) => all.every(isReady) && String(revisions(all)) === String(wanted));

/** Every coming, becoming ready and going of pods, in order: `+db-0`, `ready db-0`, `-db-0`. */
function record(place: Place): { log: string[]; stop: () => Promise<void> } {
  const log: string[] = [];
  const ready = new Set<string>();
  const stop = place.watch(pods, ({ type, object }) => {
    const name = nameOf(object);
    if (type === "ADDED") log.push(`+${name}`);
    if (type === "DELETED") log.push(`-${name}`);
    if (!isReady(object)) ready.delete(name);
    else if (!ready.has(name)) log.push(`ready ${name}`);
    if (isReady(object)) ready.add(name);
  });
  return { log, stop };
}

describe.skipIf(!hasCluster)("stateful sets", { concurrent: true }, () => {
  test("pods are made in order and ended in reverse, and one that is not ready stops both", async () => {
    await using place = await Place.open("stateful");
    const { log, stop } = record(place);
    await start(place, { replicas: 2 }, healthy);
    await settled(place, 2);
    expect(log).toEqual(["+db-0", "ready db-0", "+db-1", "ready db-1"]);

    // A pod that is not ready lets nothing be made.
    await setHealth(place, "db-0", false);
    await place.until(statefulSets, "db", "one is not ready", ({ status }) => status?.readyReplicas === 1);
    await change(place, { spec: { replicas: 3 } });
    await place.until(statefulSets, "db", "it has seen the change", ({ metadata, status }) => {
      return status?.observedGeneration === metadata?.generation;
    });
    expect((await place.pods()).map(nameOf)).toEqual(["db-0", "db-1"]);
    await setHealth(place, "db-0", true);
    await settled(place, 3);
    expect(log.slice(-3)).toEqual(["ready db-0", "+db-2", "ready db-2"]);

    // Nor ended, unless it is the first of those that are not: that one's end is the way out.
    for (const name of ["db-0", "db-1"]) await setHealth(place, name, false);
    await place.until(statefulSets, "db", "two are not ready", ({ status }) => status?.readyReplicas === 1);
    const { metadata } = await change(place, { spec: { replicas: 0 } });
    await place.until(statefulSets, "db", "it has seen the change", ({ status }) => {
      return status?.observedGeneration === metadata?.generation;
    });
    // The last one is ready, and goes; the one before it waits.
    await place.untilPods("the first two stay", SELECTOR, (all) => String(all.map(nameOf)) === "db-0,db-1");
    await setHealth(place, "db-1", true);
    await settled(place, 0);
    await place.untilPods("no pod is left", SELECTOR, (all) => all.length === 0);
    expect(log.filter((each) => each.startsWith("-"))).toEqual(["-db-2", "-db-1", "-db-0"]);
    await stop();
  });

  test("Parallel makes and ends all pods at once, ready or not", async () => {
    await using place = await Place.open("stateful");
    // Nothing answers the probe: no pod is ever ready.
    await start(place, { replicas: 2, podManagementPolicy: "Parallel" }, shell(IDLE, { readinessProbe }));
    const started = (count: number) => (all: Pod[]) =>
      all.length === count && all.every(({ status }) => status?.phase === "Running");
    await place.untilPods("both run", SELECTOR, started(2));
    expect((await place.of(statefulSets).get("db")).status?.readyReplicas ?? 0).toBe(0);
    await change(place, { spec: { replicas: 4 } });
    await place.untilPods("four run", SELECTOR, started(4));
    await change(place, { spec: { replicas: 0 } });
    await place.untilPods("no pod is left", SELECTOR, (all) => all.length === 0);
  });

  test("an update replaces the pods one at a time from the last; an update back is the old revision again", async () => {
    await using place = await Place.open("stateful");
    await start(place, { replicas: 3 });
    const before = (await settled(place, 3)).status?.currentRevision;
    const { log, stop } = record(place);
    await place.eventually("the record has begun", () => Promise.resolve(log.length === 6));
    await change(place, { spec: version("2") });
    const { status } = await place.until(statefulSets, "db", "updated", (each) => {
      const { currentRevision, updateRevision, updatedReplicas, readyReplicas } = each.status ?? {};
      return (
        currentRevision !== before &&
        currentRevision === updateRevision &&
        [updatedReplicas, readyReplicas].every((n) => n === 3)
      );
    });
    const after = status?.updateRevision;
    await untilRevisions(place, "all are new", [after, after, after]);
    const replaced = (name: string): string[] => [`-${name}`, `+${name}`, `ready ${name}`];
    expect(log.slice(6)).toEqual(["db-2", "db-1", "db-0"].flatMap(replaced));
    await stop();

    await place.kubectl("rollout undo statefulset/db");
    await untilRevisions(place, "all are old", [before, before, before]);
    await place.until(statefulSets, "db", "rolled back", (each) => each.status?.currentRevision === before);
    expect(await place.kubectl("rollout history statefulset/db -o name")).not.toContain("error");
  });

  test("a partition holds back pods below it, as a canary and in phases, even when they are deleted", async () => {
    await using place = await Place.open("stateful");
    const partition = (value: number): object => ({
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: value } },
    });
    await start(place, { replicas: 3, ...partition(3) });
    const old = (await settled(place, 3)).status?.currentRevision;
    await change(place, { spec: version("2") });
    const { status } = await place.until(
      statefulSets,
      "db",
      "a new revision",
      (each) => each.status?.updateRevision !== old,
    );
    const fresh = status?.updateRevision;
    expect(revisions(await place.pods())).toEqual([old, old, old]);
    await change(place, { spec: partition(2) });
    await untilRevisions(place, "the canary is new", [old, old, fresh]);
    // Deleted pods come back as what they were: the canary new, the others old.
    const uids = (await place.pods()).map(({ metadata }) => metadata?.uid);
    for (const name of ["db-0", "db-2"]) await place.of(pods).delete(name);
    const again = await place.untilPods("all are back", SELECTOR, (all) => {
      return (
        all.length === 3 &&
        all.every(isReady) &&
        all.filter(({ metadata }) => !uids.includes(metadata?.uid)).length === 2
      );
    });
    expect(revisions(again)).toEqual([old, old, fresh]);
    await change(place, { spec: partition(1) });
    await untilRevisions(place, "the second phase", [old, fresh, fresh]);
    await change(place, { spec: partition(0) });
    await untilRevisions(place, "all are new", [fresh, fresh, fresh]);
  });

  test("a pod that its node rejects is deleted and made again", async () => {
    await using place = await Place.open("stateful");
    // A pod that got the port first; the node itself finds that the set's pod does not fit.
    const ports = [{ containerPort: 21017, hostPort: 21017 }];
    const first = {
      ...template({}, shell(IDLE, { ports })).spec,
      containers: [shell(IDLE, { ports })],
      nodeName: "node-1",
    };
    await place.of(pods).create({ metadata: { name: "first" }, spec: first });
    await place.until(pods, "first", "ready", isReady);
    const uids = new Set<string | undefined>();
    const phases = new Set<string | undefined>();
    const stop = place.watch(
      pods,
      ({ object }) => {
        uids.add(object.metadata?.uid);
        phases.add(object.status?.phase);
      },
      SELECTOR,
    );
    await place.of(statefulSets).create({
      metadata: { name: "db", labels },
      spec: {
        serviceName: "db",
        replicas: 1,
        selector: { matchLabels: labels },
        template: template(labels, shell(IDLE, { ports }), { nodeName: "node-1" }),
      },
    });
    await place.eventually("it was made again", () => Promise.resolve(uids.size > 1));
    expect(phases).toContain("Failed");
    await place.of(pods).delete("first");
    await place.until(pods, "db-0", "ready", isReady);
    await stop();
  });

  test("the scale of a StatefulSet is read, updated and patched", async () => {
    await using place = await Place.open("stateful");
    await start(place, { replicas: 1 });
    await settled(place, 1);
    const of = place.of(statefulSets);
    const scale = (await of.getSubresource("db", "scale")) as Scale;
    expect([scale.spec?.replicas, scale.status]).toEqual([1, { replicas: 1, selector: SELECTOR }]);
    await of.updateSubresource("scale", { ...scale, spec: { replicas: 2 } } as StatefulSet);
    await settled(place, 2);
    await of.patch("db", { spec: { replicas: 1 } }, { type: "merge", subresource: "scale" });
    expect((await settled(place, 1)).spec?.replicas).toBe(1);
  });

  test("StatefulSets are listed by label, patched and deleted with their collection", async () => {
    await using place = await Place.open("stateful");
    await start(place, { replicas: 1 });
    await settled(place, 1);
    const selector = { labelSelector: `life=${place.namespace}` };
    await change(place, { metadata: { labels: { life: place.namespace } }, spec: { replicas: 2, ...version("2") } });
    await settled(place, 2);
    expect((await place.client.resource(statefulSets).list(selector)).items).toHaveLength(1);
    await place.of(statefulSets).deleteCollection({ propagationPolicy: "Background" }, selector);
    await place.untilGone(statefulSets, "db");
    await place.untilPods("its pods are gone", SELECTOR, (all) => all.length === 0);
  });

  test("the status of a StatefulSet is read, updated and patched apart from the rest", async () => {
    await using place = await Place.open("stateful");
    await start(place, { replicas: 1 });
    await settled(place, 1);
    const of = place.of(statefulSets);
    const condition = { type: "StatusUpdate", status: "True" as const, reason: "E2E", message: "Set from e2e test" };
    await place.eventually("the status is updated", async () => {
      const now = (await of.getSubresource("db", "status")) as StatefulSet;
      const conditions = [...(now.status?.conditions ?? []), condition];
      return await of.updateStatus({ ...now, status: { replicas: 1, ...now.status, conditions } });
    });
    const patched = { ...condition, type: "StatusPatched" };
    await of.patch("db", { status: { conditions: [patched] } }, { type: "strategic", subresource: "status" });
    const { status, spec } = await of.get("db");
    expect(status?.conditions).toContainEqual(expect.objectContaining(condition));
    expect(status?.conditions).toContainEqual(expect.objectContaining(patched));
    expect(spec?.replicas).toBe(1);
  });
});
