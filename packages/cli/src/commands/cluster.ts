// up, down, status, kubeconfig, logs: the commands on a whole cluster.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { nodes } from "@knots/api/core/v1";
import { bringDown, bringUp, importAllImages, prepareMachine, summary, withClient } from "../cluster/lifecycle.ts";
import { bringUpSimulated, simulatedSummary } from "../cluster/simulated.ts";
import { claimName } from "../cluster/name-claim.ts";
import { clusterPaths, type ClusterPaths } from "../cluster/paths.ts";
import { checkClusterName, readSpec, TAKEN_PORTS, writeSpec, type ClusterSpec } from "../cluster/spec.ts";
import { chooseSubnet } from "../host/network.ts";
import { freePort } from "../host/free-port.ts";
import { requireRoot } from "../host/requirements.ts";
import { formatElapsed, newProgress, type Progress } from "../progress.ts";
import { startImageLoader } from "../images/background-loader.ts";
import { askSupervisor } from "../supervisor/control.ts";
import { UserError } from "../user-error.ts";

export interface ClusterOptions {
  readonly name: string;
  readonly dataDir?: string;
}

/** The two options that say which cluster is meant. */
export function withCluster(command: Command): Command {
  return command
    .option("--name <cluster>", "the cluster's name", "default")
    .option("--data-dir <dir>", "where the cluster keeps everything");
}

/** A cluster that exists, or a sentence that it does not. */
export function requireCluster(options: ClusterOptions): { spec: ClusterSpec; paths: ClusterPaths } {
  checkClusterName(options.name);
  const paths = clusterPaths(options.name, options.dataDir);
  const spec = readSpec(paths.specFile);
  if (spec === undefined) {
    throw new UserError(
      `there is no cluster ${options.name} in ${paths.dataDir}. Start one with: knots up${options.name === "default" ? "" : ` --name ${options.name}`}`,
    );
  }
  return { spec, paths };
}

const count =
  (low: number, high: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < low || value > high)
      throw new InvalidArgumentError(`give a whole number from ${low} to ${high}.`);
    return value;
  };

interface UpOptions extends ClusterOptions {
  readonly nodes?: number;
  readonly simulate?: number;
  readonly store?: string;
  readonly apiPort?: number;
  readonly kubeconfig?: string;
}

function defaultKubeconfig(): string {
  return process.env["KUBECONFIG"]?.split(":")[0] ?? join(homedir(), ".kube", "config");
}

async function up(options: UpOptions): Promise<void> {
  const began = performance.now();
  const progress = newProgress();
  checkClusterName(options.name);
  if (options.store !== undefined && options.store !== "lmdb" && options.store !== "etcd")
    throw new UserError(`--store ${options.store}: the engines are lmdb (the default) and etcd.`);
  const paths = clusterPaths(options.name, options.dataDir);
  let spec: ClusterSpec | undefined;
  try {
    spec = readSpec(paths.specFile);
  } catch (error) {
    // Who may not even look needs root for a cluster of nodes; simulated ones would go elsewhere.
    if (options.simulate === undefined) requireRoot();
    throw error;
  }
  if (options.simulate !== undefined || spec?.simulation !== undefined) {
    await upSimulated(options, spec, paths, progress);
    progress.say(`Ready in ${formatElapsed(performance.now() - began)}.`);
    return;
  }
  requireRoot();
  const store = options.store ?? spec?.store ?? "lmdb";
  if (spec !== undefined && store !== spec.store) {
    throw new UserError(
      `cluster ${spec.name} keeps its state in ${spec.store}; end it with "knots down" to start one with ${store}.`,
    );
  }
  claimName(options.name, paths);
  await prepareMachine(progress, { etcd: store === "etcd" });
  if (spec === undefined) {
    const subnet = await chooseSubnet();
    const apiPort = options.apiPort ?? 6443;
    const taken = TAKEN_PORTS[apiPort];
    if (taken !== undefined) throw new UserError(`port ${apiPort} is ${taken}; choose another with --api-port.`);
    spec = {
      name: options.name,
      subnet,
      apiPort,
      egressPort: await freePort("tcp", 3128),
      dnsForwardPort: await freePort("udp", 3153),
      store,
      nodes: Array.from({ length: options.nodes ?? 1 }, (_, i) => ({
        name: `node-${i + 1}`,
        index: i + 1,
        stopped: false,
      })),
      kubeconfig: resolve(options.kubeconfig ?? defaultKubeconfig()),
      complete: false,
    };
    writeSpec(paths.specFile, spec);
  } else {
    if (options.nodes !== undefined && options.nodes !== spec.nodes.length) {
      throw new UserError(
        `cluster ${spec.name} has ${spec.nodes.length} nodes already; use "knots node add" or "knots node rm".`,
      );
    }
    if (!spec.complete) progress.say(`Completing cluster ${spec.name}, whose start was interrupted.`);
  }
  await bringUp(spec, paths, progress);
  writeSpec(paths.specFile, { ...spec, complete: true });
  for (const line of summary(spec)) progress.say(line);
  progress.say(`Ready in ${formatElapsed(performance.now() - began)}.`);
  startImageLoader(options.name, paths);
}

async function upSimulated(
  options: UpOptions,
  existing: ClusterSpec | undefined,
  paths: ClusterPaths,
  progress: Progress,
): Promise<void> {
  if (options.nodes !== undefined)
    throw new UserError("--nodes and --simulate do not go together: a cluster's nodes are real or simulated.");
  if (options.store === "etcd")
    throw new UserError("--store etcd and --simulate do not go together: leave --store out for simulated nodes.");
  const count = existing?.simulation?.nodes ?? options.simulate ?? 1;
  if (existing !== undefined && (existing.simulation === undefined || (options.simulate ?? count) !== count)) {
    const has = existing.simulation === undefined ? "real nodes" : `${count} simulated nodes`;
    throw new UserError(
      `cluster ${existing.name} has ${has} already; give another --name, or remove it with "knots down".`,
    );
  }
  let spec = existing;
  if (spec === undefined) {
    const apiPort = options.apiPort ?? 6443;
    if ((await freePort("tcp", apiPort)) !== apiPort)
      throw new UserError(`port ${apiPort} is in use on this machine; choose another with --api-port.`);
    spec = {
      name: options.name,
      subnet: 0,
      apiPort,
      egressPort: 0,
      dnsForwardPort: 0,
      store: "lmdb",
      nodes: [],
      simulation: { nodes: count, kubeletPort: await freePort("tcp", 10_250) },
      kubeconfig: resolve(options.kubeconfig ?? defaultKubeconfig()),
      complete: false,
    };
    writeSpec(paths.specFile, spec);
  }
  await bringUpSimulated(spec, paths, count, progress);
  writeSpec(paths.specFile, { ...spec, complete: true });
  for (const line of simulatedSummary(spec, count)) progress.say(line);
}

async function down(options: ClusterOptions & { keepData?: boolean }): Promise<void> {
  checkClusterName(options.name);
  const paths = clusterPaths(options.name, options.dataDir);
  const spec = readSpec(paths.specFile);
  if (spec?.simulation === undefined) requireRoot();
  const progress = newProgress();
  if (spec === undefined) {
    progress.say(`There is no cluster ${options.name}; nothing to do.`);
    return;
  }
  await bringDown(spec, paths, { keepData: options.keepData === true }, progress);
  progress.say(
    options.keepData === true
      ? `Cluster ${spec.name} is stopped; "knots up" brings it back.`
      : `Cluster ${spec.name} is gone.`,
  );
}

function residentKilobytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

async function status(options: ClusterOptions & { output?: string }): Promise<void> {
  const { spec, paths } = requireCluster(options);
  const reply = await askSupervisor(paths.supervisorSocket, "status");
  const processes = [
    ...(reply === undefined
      ? []
      : [
          {
            name: "supervisor",
            components: ["supervisor"] as readonly string[],
            pid: reply.pid as number | undefined,
            restarts: 0,
            startedAt: undefined as number | undefined,
          },
        ]),
    ...(reply?.processes ?? []),
  ].map((each) => ({
    ...each,
    residentMiB: each.pid === undefined ? 0 : Math.round(residentKilobytes(each.pid) / 1024),
  }));
  const ready = reply === undefined ? [] : await nodeConditions(paths);
  if (options.output === "json") {
    console.log(
      JSON.stringify(
        { name: spec.name, dataDir: paths.dataDir, running: reply !== undefined, nodes: ready, processes },
        null,
        2,
      ),
    );
    return;
  }
  if (reply === undefined) {
    console.log(`Cluster ${spec.name} is stopped. Start it with: knots up --name ${spec.name}`);
    return;
  }
  for (const node of ready)
    console.log(`${node.name.padEnd(24)} ${node.ready ? "Ready" : `NotReady (${node.message})`}`);
  for (const node of spec.nodes.filter((each) => each.stopped))
    console.log(`${node.name.padEnd(24)} stopped by "knots node stop"`);
  console.log(
    `${"PROCESS".padEnd(24)} ${"PID".padStart(8)} ${"MEMORY".padStart(9)} ${"RESTARTS".padStart(9)}  COMPONENTS`,
  );
  for (const each of processes)
    console.log(
      `${each.name.padEnd(24)} ${String(each.pid ?? "-").padStart(8)} ${`${each.residentMiB} MiB`.padStart(9)} ${String(each.restarts).padStart(9)}  ${each.components.join(", ")}`,
    );
  const ours = processes
    .filter((each) => !each.name.startsWith("containerd"))
    .reduce((sum, each) => sum + each.residentMiB, 0);
  console.log(`${ours} MiB resident without containerd.`);
}

async function nodeConditions(paths: ClusterPaths): Promise<{ name: string; ready: boolean; message: string }[]> {
  try {
    return await withClient(paths, async (client) =>
      (await client.resource(nodes).list({})).items.map((node) => {
        const condition = node.status?.conditions?.find((each) => each.type === "Ready");
        return {
          name: node.metadata?.name ?? "",
          ready: condition?.status === "True",
          message: condition?.message ?? "",
        };
      }),
    );
  } catch (error) {
    return [{ name: "apiserver", ready: false, message: error instanceof Error ? error.message : String(error) }];
  }
}

async function logs(component: string, options: ClusterOptions & { follow?: boolean; tail: string }): Promise<void> {
  const { paths } = requireCluster(options);
  const file = join(paths.logs, `${component}.log`);
  if (!existsSync(file)) {
    const known = existsSync(paths.logs)
      ? readdirSync(paths.logs)
          .filter((name) => name.endsWith(".log"))
          .map((name) => name.slice(0, -4))
      : [];
    throw new UserError(`there is no log of ${component}; there are: ${known.toSorted().join(", ") || "none"}.`);
  }
  await new Promise<void>((done, failed) => {
    const child = spawn("tail", ["-n", options.tail, ...(options.follow === true ? ["-F"] : []), file], {
      stdio: "inherit",
    });
    child.once("error", failed);
    child.once("exit", () => done());
  });
}

export function clusterCommands(): Command[] {
  return [
    withCluster(new Command("up").description("start a cluster; returns when every node is Ready"))
      .option("--nodes <n>", "how many nodes", count(1, 20))
      .option("--simulate <n>", "so many simulated nodes instead of real ones; needs no root", count(1, 10_000))
      .option("--store <engine>", "lmdb, or etcd (installed when it is missing)")
      .option("--api-port <port>", "the API server's port", count(1, 65_535))
      .option("--kubeconfig <file>", "the kubeconfig to merge the context into")
      .action(up),
    withCluster(new Command("down").description("stop a cluster and leave nothing behind"))
      .option("--keep-data", "keep its state for the next up")
      .action(down),
    withCluster(new Command("status").description("nodes and processes of a cluster"))
      .option("--output <format>", "json")
      .action(status),
    withCluster(new Command("logs").description("a component's log").argument("<component>"))
      .option("-f, --follow", "go on as it grows")
      .option("--tail <lines>", "how many lines of the past", "100")
      .action(logs),
    withCluster(new Command("kubeconfig").description("print the administrator's kubeconfig")).action(
      (options: ClusterOptions) => {
        process.stdout.write(readFileSync(requireCluster(options).paths.adminKubeconfig, "utf8"));
      },
    ),
  ];
}

/** Used by the image commands too. */
export async function loadOwnImages(options: ClusterOptions): Promise<void> {
  const { spec, paths } = requireCluster(options);
  for (const node of spec.nodes.filter((each) => !each.stopped)) await importAllImages(paths, node);
}
