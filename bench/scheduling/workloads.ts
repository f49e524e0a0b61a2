// Workloads on simulated nodes: how long controllers, scheduler and kubelets take together, and what they cost at rest.
import { setTimeout as sleep } from "node:timers/promises";
import { deployments } from "@knots/api/apps/v1";
import { jobs } from "@knots/api/batch/v1";
import { namespaces, nodes, pods, serviceAccounts } from "@knots/api/core/v1";
import { ControlPlane, until } from "./control-plane.ts";
import { Counter, many } from "./load.ts";
import { print, summarize } from "./report.ts";

const IMAGE = "registry.k8s.io/pause:3.10";

/** A control plane with its controllers and so many simulated nodes, all Ready. */
async function startSimulated(plane: ControlPlane, count: number): Promise<void> {
  await plane.startServer();
  plane.startControllers();
  plane.startScheduler();
  plane.startSimulation(count);
  await until(
    `${count} simulated nodes Ready and untainted`,
    async () => {
      plane.check();
      const { items } = await plane.client.resource(nodes).list();
      const ready = items.filter(
        ({ status, spec }) =>
          status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true &&
          (spec?.taints ?? []).length === 0,
      );
      if (ready.length < count) throw new Error(`${ready.length} of ${count}`);
    },
    180,
  );
}

/** A namespace with the service account that the controllers make in it. */
async function newNamespace(plane: ControlPlane, name: string): Promise<void> {
  await plane.client.resource(namespaces).create({ metadata: { name } });
  await until("the default service account", () => plane.client.resource(serviceAccounts, name).get("default"));
}

function deployment(name: string, replicas: number) {
  const labels = { app: name };
  return {
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [{ name: "main", image: IMAGE, resources: { requests: { cpu: "10m", memory: "10Mi" } } }],
        },
      },
    },
  };
}

/** Seconds for bare creates of the same pods that nobody schedules: what the API server alone takes. */
async function bareCreates(plane: ControlPlane, count: number): Promise<number> {
  await newNamespace(plane, "reference");
  const client = plane.newClient();
  const spec = { schedulerName: "nobody", containers: [{ name: "main", image: IMAGE }] };
  const began = performance.now();
  await many(count, (i) => client.resource(pods, "reference").create({ metadata: { name: `pod-${i}` }, spec }));
  const seconds = (performance.now() - began) / 1000;
  await client[Symbol.asyncDispose]();
  await plane.client.resource(pods, "reference").deleteCollection({ gracePeriodSeconds: 0 });
  return seconds;
}

/** A 1,000-pod Deployment on 100 simulated nodes, from apply to all Ready. */
export async function deploymentCase(runs: number): Promise<void> {
  const replicas = 1000;
  await using plane = new ControlPlane();
  await startSimulated(plane, 100);
  const bare = await bareCreates(plane, replicas);
  const seconds: number[] = [];
  for (let run = 0; run < runs; run++) {
    const namespace = `run-${run}`;
    await newNamespace(plane, namespace);
    const watcher = plane.newClient();
    using ready = await Counter.watch(
      watcher,
      deployments,
      namespace,
      ({ status }) => (status?.readyReplicas ?? 0) >= replicas,
    );
    const began = performance.now();
    await plane.client.resource(deployments, namespace).create(deployment("web", replicas));
    await ready.reach(1, 300);
    seconds.push((performance.now() - began) / 1000);
    plane.check();
    await plane.client.resource(deployments, namespace).delete("web", { propagationPolicy: "Foreground" });
    await until(
      "the pods' end",
      async () => {
        if ((await plane.client.resource(pods, namespace).list({ limit: 1 })).items.length > 0)
          throw new Error("some left");
      },
      180,
    );
    await watcher[Symbol.asyncDispose]();
  }
  print({
    what: "deployment: 1,000 pods, 100 nodes, to Ready",
    ...summarize(seconds, "s", "least"),
    bar: "<= 6 s",
    reference: (value) => `${(value / bare).toFixed(1)} x bare creates of the pods (${bare.toFixed(2)} s)`,
  });
}

/** 500 Jobs of one pod, from the first apply to the last Complete. */
export async function jobsCase(runs: number): Promise<void> {
  const count = 500;
  await using plane = new ControlPlane();
  await startSimulated(plane, 100);
  const bare = await bareCreates(plane, count);
  const seconds: number[] = [];
  for (let run = 0; run < runs; run++) {
    const namespace = `run-${run}`;
    await newNamespace(plane, namespace);
    const watcher = plane.newClient();
    using complete = await Counter.watch(
      watcher,
      jobs,
      namespace,
      ({ status }) =>
        status?.conditions?.some(({ type, status: value }) => type === "Complete" && value === "True") === true,
    );
    const began = performance.now();
    await many(count, (i) =>
      plane.client.resource(jobs, namespace).create({
        metadata: { name: `job-${i}` },
        spec: {
          template: {
            metadata: { annotations: { "knots.dev/simulate-exit-after": "0s" } },
            spec: { restartPolicy: "Never", containers: [{ name: "main", image: IMAGE }] },
          },
        },
      }),
    );
    await complete.reach(count, 300);
    seconds.push((performance.now() - began) / 1000);
    plane.check();
    await plane.client.resource(jobs, namespace).deleteCollection({ propagationPolicy: "Background" });
    await watcher[Symbol.asyncDispose]();
  }
  print({
    what: "jobs: 500 Jobs of one pod, to Complete",
    ...summarize(seconds, "s", "least"),
    bar: "<= 10 s",
    reference: (value) => `${(value / bare).toFixed(1)} x bare creates of the pods (${bare.toFixed(2)} s)`,
  });
}

const sum = (figures: ReadonlyMap<string, number>): number => [...figures.values()].reduce((a, b) => a + b, 0);

/** What 1,000 nodes with 20,000 pods hold in memory and, at rest, take of a core. */
export async function costsCase(runs: number): Promise<void> {
  const [nodeCount, podCount, seconds] = [1000, 20_000, 20];
  await using plane = new ControlPlane();
  await startSimulated(plane, nodeCount);
  const atRest = async (): Promise<number> => {
    const before = sum(plane.cpuSeconds());
    await sleep(seconds * 1000);
    return ((sum(plane.cpuSeconds()) - before) / seconds) * 100;
  };
  await sleep(30_000);
  const heartbeats: number[] = [];
  for (let run = 0; run < runs; run++) heartbeats.push(await atRest());
  // A renewal by hand: what one of the hundred a second costs at least, client and server together.
  print({
    what: "costs: CPU of heartbeats, 1,000 nodes",
    ...summarize(heartbeats, "% of a core", "least"),
    bar: "<= 25 %",
    reference: (value) =>
      `${((value / 100 / (nodeCount / 10)) * 1e3).toFixed(2)} ms of CPU a Lease renewal, everything counted`,
  });
  await newNamespace(plane, "full");
  for (let i = 0; i < 20; i++) {
    await plane.client.resource(deployments, "full").create(deployment(`app-${i}`, podCount / 20));
  }
  await until(
    `${podCount} pods Ready`,
    async () => {
      plane.check();
      const { items } = await plane.client.resource(deployments, "full").list();
      const ready = items.reduce((total, { status }) => total + (status?.readyReplicas ?? 0), 0);
      if (ready < podCount) throw new Error(`${ready} are`);
    },
    600,
  );
  await sleep(30_000);
  const cpu: number[] = [];
  for (let run = 0; run < runs; run++) cpu.push(await atRest());
  const resident = plane.resident();
  for (const [name, megabytes] of resident) console.log(`  ${name.padEnd(24)} ${megabytes.toFixed(0).padStart(5)} MB`);
  print({
    what: "costs: CPU at rest, 1,000 nodes, 20,000 pods",
    ...summarize(cpu, "% of a core", "least"),
    bar: "<= 25 %",
    reference: (value) => `${(value / summarize(heartbeats, "", "least").median).toFixed(1)} x the same without pods`,
  });
  print({
    what: "costs: resident, 1,000 nodes, 20,000 pods",
    ...summarize([sum(resident)], "MB", "least"),
    bar: "<= 1500 MB",
    reference: (value) => `${((value * 1000) / podCount).toFixed(0)} kB a pod`,
  });
}
