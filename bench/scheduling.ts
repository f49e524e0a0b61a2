// How fast pods get their nodes, and what simulated nodes cost. node bench/scheduling.ts [CASE…] [--runs=N]
// Each figure stands beside a reference measured in the same run: bare creates and bare bindings of the same pods.
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { pods } from "@knots/api/core/v1";
import { ControlPlane } from "./scheduling/control-plane.ts";
import {
  benchPod,
  countBound,
  createNamespace,
  createNodes,
  many,
  removePods,
  type PodShape,
} from "./scheduling/load.ts";
import { placementCase } from "./scheduling/placement.ts";
import { print, summarize } from "./scheduling/report.ts";
import { costsCase, deploymentCase, jobsCase } from "./scheduling/workloads.ts";

interface Throughput {
  readonly nodes: number;
  readonly pods: number;
  readonly shape: PodShape;
  /** Pods a second. */
  readonly bar: number;
}

/** Upstream's v1.20 scheduler binds 293 plain pods a second on 1,000 nodes on two cores. */
const THROUGHPUT: Readonly<Record<string, Throughput>> = {
  plain: { nodes: 1000, pods: 5000, shape: "plain", bar: 900 },
  large: { nodes: 5000, pods: 10_000, shape: "plain", bar: 700 },
  spread: { nodes: 5000, pods: 10_000, shape: "spread", bar: 400 },
  "anti-affinity": { nodes: 5000, pods: 2000, shape: "anti-affinity", bar: 100 },
};

async function createPods(plane: ControlPlane, namespace: string, shape: PodShape, count: number, scheduler?: string) {
  const client = plane.newClient();
  try {
    const resource = client.resource(pods, namespace);
    await many(count, (i) => resource.create(benchPod(`pod-${i}`, shape, scheduler)));
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

/** Pods a second when nobody schedules: created, and then bound by hand. */
async function references(
  plane: ControlPlane,
  { shape, nodes }: Throughput,
): Promise<{ creates: number; binds: number }> {
  const count = 2000;
  await createNamespace(plane.client, "reference");
  let began = performance.now();
  await createPods(plane, "reference", shape, count, "nobody");
  const creates = count / ((performance.now() - began) / 1000);
  const resource = plane.client.resource(pods, "reference");
  began = performance.now();
  await many(count, (i) =>
    resource.createSubresource(`pod-${i}`, "binding", {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: `pod-${i}` },
      target: { apiVersion: "v1", kind: "Node", name: `bare-${i % nodes}` },
    }),
  );
  const binds = count / ((performance.now() - began) / 1000);
  await removePods(plane.client, "reference");
  return { creates, binds };
}

async function throughput(name: string, setting: Throughput, runs: number): Promise<void> {
  await using plane = new ControlPlane();
  // Nobody takes the taint of a new Node off again where no controllers run (as in upstream's scheduler_perf).
  await plane.startServer(["--disable-admission-plugins=TaintNodesByCondition"]);
  await createNodes(plane.client, setting.nodes);
  const { creates, binds } = await references(plane, setting);
  plane.startScheduler();
  const figures: number[] = [];
  // The first round warms the processes up and is not counted.
  for (let run = 0; run <= runs; run++) {
    const namespace = `run-${run}`;
    await createNamespace(plane.client, namespace);
    const watcher = plane.newClient();
    {
      using bound = await countBound(watcher, namespace);
      const count = run === 0 ? Math.min(500, setting.pods) : setting.pods;
      const began = performance.now();
      await createPods(plane, namespace, setting.shape, count);
      await bound.reach(count, 300);
      if (run > 0) figures.push(count / ((performance.now() - began) / 1000));
    }
    await watcher[Symbol.asyncDispose]();
    plane.check();
    await removePods(plane.client, namespace);
  }
  // Created and bound one after the other would take as long as both together.
  const both = 1 / (1 / creates + 1 / binds);
  print({
    what: `${name}: ${setting.pods} pods on ${setting.nodes} nodes`,
    ...summarize(figures, "pods/s", "most"),
    bar: `>= ${setting.bar}`,
    reference: (value) =>
      `${(value / both).toFixed(2)} x create + bind by hand (${creates.toFixed(0)} creates/s, ${binds.toFixed(0)} binds/s)`,
  });
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const runs = Number(words.find((word) => word.startsWith("--runs="))?.slice(7) ?? 5);
  const chosen = words.filter((word) => !word.startsWith("--"));
  const cases: Record<string, () => Promise<void>> = Object.fromEntries(
    Object.entries(THROUGHPUT).map(([name, setting]) => [name, () => throughput(name, setting, runs)]),
  );
  cases["placement"] = async () => {
    for (const [name, setting] of Object.entries(THROUGHPUT)) placementCase(name, setting, runs);
  };
  cases["deployment"] = () => deploymentCase(runs);
  cases["jobs"] = () => jobsCase(runs);
  cases["costs"] = () => costsCase(runs);
  for (const name of chosen)
    if (cases[name] === undefined) throw new Error(`no case ${name}: ${Object.keys(cases).join(", ")}`);
  execFileSync(resolve(import.meta.dirname, "../knots"), ["--version"], { stdio: "ignore" });
  for (const [name, run] of Object.entries(cases)) if (chosen.length === 0 || chosen.includes(name)) await run();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
await main();
