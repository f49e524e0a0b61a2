import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Node, Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import { priorityClasses } from "@knots/api/scheduling/v1";
import { nullLogger, RealClock } from "@knots/machinery";
import { Scheduler } from "@knots/scheduler";
import { TestEnvironment } from "@knots/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ExtenderConfig } from "../src/extender/http-extender.ts";

const PATIENCE = { timeout: 20_000, interval: 20 };
/** As upstream's scheduler writes them. */
interface Args {
  readonly Pod?: Pod;
  readonly Nodes: { readonly items: readonly Node[] } | null;
  readonly NodeNames: string[];
  readonly PodName: string;
  readonly Node: string;
  readonly NodeNameToMetaVictims: Readonly<Record<string, { Pods: { UID: string }[]; NumPDBViolations: number }>>;
}
type Answer = (args: Args) => unknown;

let environment: TestEnvironment;
let server: Server;
let base: Omit<ExtenderConfig, "filterVerb">;
let answers: Record<string, Answer>;
let asked: string[];

beforeEach(async () => {
  answers = {};
  asked = [];
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      const verb = (request.url ?? "").slice(1);
      const args = JSON.parse(body) as Parameters<Answer>[0];
      asked.push(`${verb} ${args.Pod?.metadata?.name ?? args.PodName}`);
      const answer = answers[verb];
      if (answer === undefined) response.writeHead(500).end();
      else response.end(JSON.stringify(answer(args)));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  base = {
    urlPrefix: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    weight: 1,
    httpTimeoutMs: 5000,
    nodeCacheCapable: true,
    ignorable: false,
    managedResources: [],
  };
  environment = await TestEnvironment.start({ disableAdmissionPlugins: ["ServiceAccount", "TaintNodesByCondition"] });
  for (const name of ["a", "b", "c"]) {
    const allocatable = { cpu: "4", memory: "8Gi", pods: "10" };
    await environment.client.resource(nodes).create({ metadata: { name }, status: { allocatable } });
  }
}, 30_000);

afterEach(async () => {
  await environment[Symbol.asyncDispose]();
  server.close();
});

async function scheduled(
  extender: ExtenderConfig,
  holds: (pod: Pod) => boolean,
  resource?: string,
  spec: object = {},
): Promise<Pod> {
  const client = environment.client;
  await using scheduler = new Scheduler({
    client,
    clock: new RealClock(),
    logger: nullLogger,
    extenders: [extender],
  });
  await scheduler.start();
  const requests = resource === undefined ? {} : { resources: { limits: { [resource]: "1" } } };
  await client.resource(pods, "default").create({
    metadata: { name: "pod" },
    spec: { containers: [{ name: "main", image: "app", ...requests }], ...spec },
  });
  return await vi.waitFor(async () => {
    const pod = await client.resource(pods, "default").get("pod");
    if (!holds(pod)) throw new Error(JSON.stringify(pod.status));
    return pod;
  }, PATIENCE);
}

const isBound = ({ spec }: Pod): boolean => !!spec?.nodeName;
const conditionOf = ({ status }: Pod) => status?.conditions?.find(({ type }) => type === "PodScheduled");

describe("an extender", { timeout: 30_000 }, () => {
  it("keeps pods from nodes", async () => {
    answers["filter"] = ({ NodeNames }) => ({ NodeNames: NodeNames.filter((name) => name === "b") });
    const pod = await scheduled({ ...base, filterVerb: "filter" }, isBound);
    expect(pod.spec?.nodeName).toBe("b");
  });

  it("is told nodes whole where it does not know them, and may answer with names in any case", async () => {
    answers["filter"] = ({ Nodes, NodeNames }) => {
      expect(NodeNames).toBeNull();
      return { nodes: { items: Nodes?.items.filter(({ metadata }) => metadata?.name === "c") } };
    };
    const pod = await scheduled({ ...base, nodeCacheCapable: false, filterVerb: "filter" }, isBound);
    expect(pod.spec?.nodeName).toBe("c");
  });

  it("that lets the pod onto a node which was not asked about is in error", async () => {
    answers["filter"] = () => ({ NodeNames: ["d"] });
    const pod = await scheduled({ ...base, filterVerb: "filter" }, (each) => conditionOf(each) !== undefined);
    expect(conditionOf(pod)?.message).toContain('claims a filtered node "d" which is not found in the input node list');
  });

  it("says why no node will do", async () => {
    answers["filter"] = ({ NodeNames }) => ({
      NodeNames: [],
      FailedNodes: Object.fromEntries(NodeNames.map((name) => [name, "no licence"])),
    });
    const pod = await scheduled({ ...base, filterVerb: "filter" }, (each) => conditionOf(each) !== undefined);
    expect(conditionOf(pod)).toMatchObject({ status: "False", reason: "Unschedulable" });
    expect(conditionOf(pod)?.message).toContain("0/3 nodes are available: 3 no licence.");
  });

  it("prefers nodes by its scores", async () => {
    answers["prioritize"] = ({ NodeNames }) => NodeNames.map((Host) => ({ Host, Score: Host === "c" ? 10 : 0 }));
    const pod = await scheduled({ ...base, weight: 100, prioritizeVerb: "prioritize" }, isBound);
    expect(pod.spec?.nodeName).toBe("c");
  });

  describe("asked about preemption", () => {
    /** Fills each node with a pod of lower priority; their uids by node. */
    async function fill(): Promise<Map<string, string>> {
      const { client } = environment;
      await client.resource(priorityClasses).create({ metadata: { name: "high" }, value: 1000 });
      const uids = new Map<string, string>();
      for (const nodeName of ["a", "b", "c"]) {
        const { metadata } = await client.resource(pods, "default").create({
          metadata: { name: `low-${nodeName}` },
          spec: { nodeName, containers: [{ name: "main", image: "app", resources: { requests: { cpu: "4" } } }] },
        });
        uids.set(nodeName, metadata?.uid ?? "");
      }
      return uids;
    }
    const preempting = async (holds: (pod: Pod) => boolean, more: Partial<ExtenderConfig> = {}): Promise<Pod> =>
      await scheduled({ ...base, preemptVerb: "preempt", ...more }, holds, "cpu", { priorityClassName: "high" });
    const left = async (): Promise<string[]> =>
      (await environment.client.resource(pods, "default").list()).items
        .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
        .map(({ metadata }) => metadata?.name ?? "")
        .toSorted();

    it("leaves the nodes that it wants", async () => {
      const uids = await fill();
      answers["preempt"] = ({ NodeNameToMetaVictims }) => {
        const given = Object.entries(NodeNameToMetaVictims).map(([node, { Pods }]) => [
          node,
          Pods.map(({ UID }) => UID),
        ]);
        expect(Object.fromEntries(given)).toEqual(Object.fromEntries([...uids].map(([node, uid]) => [node, [uid]])));
        return { NodeNameToMetaVictims: { b: { Pods: [{ UID: uids.get("b") }] } } };
      };
      const pod = await preempting(({ status }) => status?.nominatedNodeName !== undefined);
      expect(pod.status?.nominatedNodeName).toBe("b");
      expect(await left()).toEqual(["low-a", "low-c", "pod"]);
    });

    it("that names a pod which is not there stops it", async () => {
      await fill();
      answers["preempt"] = () => ({ NodeNameToMetaVictims: { a: { Pods: [{ UID: "nobody" }] } } });
      await preempting((each) => conditionOf(each) !== undefined);
      expect(await left()).toEqual(["low-a", "low-b", "low-c", "pod"]);
    });

    it("that does not answer is passed over where it may be ignored", async () => {
      await fill();
      const pod = await preempting(({ status }) => status?.nominatedNodeName !== undefined, { ignorable: true });
      expect(await left()).toHaveLength(3);
      expect(asked).toContain("preempt pod");
      expect(pod.status?.nominatedNodeName).toMatch(/^[abc]$/);
    });
  });

  it("binds in the scheduler's place", async () => {
    answers["bind"] = () => ({ Error: "the rack is on fire" });
    const pod = await scheduled({ ...base, bindVerb: "bind" }, (each) => conditionOf(each) !== undefined);
    expect(pod.spec?.nodeName).toBeUndefined();
    expect(conditionOf(pod)).toMatchObject({ reason: "SchedulerError", message: "the rack is on fire" });
  });

  it("that does not answer holds the pod up, unless it may be ignored", async () => {
    const failing = { ...base, filterVerb: "filter" };
    const waiting = await scheduled(failing, (each) => conditionOf(each) !== undefined);
    expect(conditionOf(waiting)?.message).toMatch(/failed filter with extender at URL http.*\/filter, code 500/);
    await environment.client.resource(pods, "default").delete("pod", { gracePeriodSeconds: 0 });
    expect(isBound(await scheduled({ ...failing, ignorable: true }, isBound))).toBe(true);
  });

  it("is not asked about pods that want nothing of what it manages", async () => {
    await scheduled({ ...base, filterVerb: "filter", managedResources: ["example.com/gpu"] }, isBound);
    expect(asked).toEqual([]);
  });
});
