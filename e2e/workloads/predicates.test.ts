// Which nodes the scheduler takes for a pod, and what it says when it takes none.
import { nodes, pods, type Pod } from "@knots/api/core/v1";
import { Quantity } from "@knots/machinery";
import { describe, expect, test } from "vitest";
import { client, hasCluster, IDLE, isReady, Place, shell } from "./place.ts";

const HOSTNAME = "kubernetes.io/hostname";
const pod = (name: string, spec: object, container: object = {}): Pod => ({
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 1, containers: [shell(IDLE, container)], ...spec },
});
const scheduled = ({ status }: Pod): boolean | undefined =>
  status?.conditions?.some(({ type, status: value }) => type === "PodScheduled" && value === "True");

/** Waits until the scheduler has said why it takes no node; its words. */
async function refused(place: Place, name: string): Promise<string> {
  const found = await place.until(pods, name, "refused", ({ status }) => {
    return (
      status?.conditions?.some(({ type, reason }) => type === "PodScheduled" && reason === "Unschedulable") === true
    );
  });
  expect(found.spec?.nodeName).toBeUndefined();
  const message = found.status?.conditions?.find(({ type }) => type === "PodScheduled")?.message ?? "";
  expect((await place.event(name, "FailedScheduling")).message).toBe(message);
  return message;
}

/** Milli-CPUs of a node that no pod has asked for. */
async function freeCpu(node: string): Promise<number> {
  const { status } = await client().resource(nodes).get(node);
  const { items } = await client()
    .resource(pods)
    .list({ fieldSelector: `spec.nodeName=${node},status.phase!=Succeeded,status.phase!=Failed` });
  const milli = (text: string | number | undefined): number => Quantity.parse(String(text ?? 0)).milliValue();
  const asked = items
    .flatMap(({ spec }) => spec?.containers ?? [])
    .map((each) => milli(each.resources?.requests?.["cpu"]));
  return milli(status?.allocatable?.["cpu"]) - asked.reduce((sum, each) => sum + each, 0);
}

describe.skipIf(!hasCluster)("scheduler predicates", { concurrent: true }, () => {
  test("a pod that asks for more than is left waits until there is room", async () => {
    await using place = await Place.open("predicates");
    const nodeSelector = { [HOSTNAME]: "node-2" };
    const asking = (cpu: number): object => ({
      resources: { requests: { cpu: `${cpu}m` }, limits: { cpu: `${cpu}m` } },
    });
    const free = await freeCpu("node-2");
    await place.of(pods).create(pod("filler", { nodeSelector }, asking(Math.floor(free * 0.7))));
    await place.until(pods, "filler", "scheduled", (each) => scheduled(each) === true);
    await place.of(pods).create(pod("more", { nodeSelector }, asking(Math.floor(free * 0.5))));
    expect(await refused(place, "more")).toMatch(
      /^0\/2 nodes are available: 1 Insufficient cpu, 1 node\(s\) didn't match Pod's node affinity\/selector\. /,
    );
    await place.of(pods).delete("filler");
    await place.until(pods, "more", "scheduled", (each) => scheduled(each) === true);
  });

  test("a pod whose node selector matches no node waits until one does", async () => {
    await using place = await Place.open("predicates");
    const label = `${place.namespace}/kind`;
    await place.of(pods).create(pod("picky", { nodeSelector: { [label]: "none" } }));
    expect(await refused(place, "picky")).toBe(
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. " +
        "no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    );
  });

  test("a pod with a node selector runs on the node that bears the label", async () => {
    await using place = await Place.open("predicates");
    const label = `${place.namespace}/kind`;
    const mark = async (value: string | null): Promise<unknown> =>
      await client()
        .resource(nodes)
        .patch("node-2", { metadata: { labels: { [label]: value } } }, { type: "merge" });
    await mark("42");
    try {
      await place.of(pods).create(pod("picky", { nodeSelector: { [label]: "42" } }));
      const found = await place.until(pods, "picky", "ready", isReady);
      expect(found.spec?.nodeName).toBe("node-2");
    } finally {
      await mark(null);
    }
  });

  test("a host port on all addresses of a node conflicts with the same port on one of them", async () => {
    await using place = await Place.open("predicates");
    const nodeSelector = { [HOSTNAME]: "node-1" };
    const port = (more: object): object => ({ ports: [{ containerPort: 54322, hostPort: 54322, ...more }] });
    await place.of(pods).create(pod("all", { nodeSelector }, port({})));
    await place.until(pods, "all", "ready", isReady);
    await place.of(pods).create(pod("one", { nodeSelector }, port({ hostIP: "127.0.0.1" })));
    expect(await refused(place, "one")).toMatch(
      /^0\/2 nodes are available: 1 node\(s\) didn't have free ports for the requested pod ports, 1 node\(s\) didn't match Pod's node affinity\/selector\. /,
    );
    // Another protocol is another port.
    await place.of(pods).create(pod("udp", { nodeSelector }, port({ hostIP: "127.0.0.1", protocol: "UDP" })));
    await place.until(pods, "udp", "scheduled", (each) => scheduled(each) === true);
    await place.of(pods).delete("all");
    await place.until(pods, "one", "ready", isReady);
  });
});
