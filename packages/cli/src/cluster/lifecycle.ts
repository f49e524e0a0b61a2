// Bringing a cluster up and down. Every step asks what is there already, so an interrupted run is completed by the next.
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { nodes } from "@knots/api/core/v1";
import { Client, loadKubeconfig, mergeKubeconfig, removeKubeconfigContext } from "@knots/client";
import { RealClock } from "@knots/machinery";
import { ensureBridge, ensureNodeNetwork, removeBridge, removeNodeNetwork } from "../host/network.ts";
import { cniBinDir, installPackages, missingPackages, requireRoot, which } from "../host/requirements.ts";
import type { Wanted } from "../host/requirements.ts";
import { endInNetns, powerOffNode, removeClusterCgroups, unmountCluster } from "../host/teardown.ts";
import { endImageLoader } from "../images/background-loader.ts";
import { archiveFile, buildImage, missingArchives } from "../images/build.ts";
import { hasImage, importArchive } from "../images/import.ts";
import { RECIPES } from "../images/recipes.ts";
import type { Progress } from "../progress.ts";
import { loopPidFile, startSupervisor } from "../supervisor/command.ts";
import { askSupervisor } from "../supervisor/control.ts";
import { isRunning, readPidFile, removePidFile } from "../supervisor/process-identity.ts";
import { endProcess } from "../supervisor/supervised-process.ts";
import { UserError } from "../user-error.ts";
import { ensureAddons } from "./addons.ts";
import { hasSysResource, writeContainerdConfig } from "./containerd.ts";
import { ensureClusterCredentials, ensureNodeCredentials } from "./credentials.ts";
import { releaseName } from "./name-claim.ts";
import type { ClusterPaths } from "./paths.ts";
import { bridgeAddress, nodeAddress, type ClusterSpec, type NodeSpec } from "./spec.ts";
import { waitFor } from "./wait.ts";

const HINT_LOGS = 'Look at "knots logs apiserver" and "knots logs supervisor".';

/** Installs what the machine lacks and builds the images that are not in the cache. */
export async function prepareMachine(progress: Progress, wanted: Wanted = {}): Promise<void> {
  await installMissing(progress, wanted);
  const missing = missingArchives();
  if (missing.length > 0) {
    await progress.step("Make images from Debian's packages", async (note) => {
      for (const recipe of missing) {
        note(recipe.image);
        await buildImage(recipe);
      }
    });
  }
}

/** Installs the Debian packages that a node needs and this machine lacks. */
export async function installMissing(progress: Progress, wanted: Wanted = {}): Promise<void> {
  requireRoot();
  const packages = missingPackages(wanted);
  if (packages.length > 0) await progress.step("Install what is missing", (note) => installPackages(packages, note));
}

/** Makes the wires, folders, certificates and configuration of one node. */
export async function prepareNode(spec: ClusterSpec, paths: ClusterPaths, node: NodeSpec): Promise<void> {
  await ensureNodeNetwork(spec, node);
  await ensureNodeCredentials(spec, paths, node);
  const binDir = cniBinDir();
  if (binDir === undefined)
    throw new UserError(
      "the CNI plug-ins are not where Debian puts them (/usr/lib/cni); install containernetworking-plugins.",
    );
  writeContainerdConfig(paths.node(node.name), {
    cniBinDir: binDir,
    restrictOomScoreAdj: !hasSysResource(),
    runcPath: which("runc") ?? "runc",
  });
}

/** Starts (or completes, or repairs) the cluster of `spec`; returns when every node that is not stopped is Ready. */
export async function bringUp(spec: ClusterSpec, paths: ClusterPaths, progress: Progress): Promise<void> {
  await progress.step("Wire the nodes", async () => {
    await ensureBridge(spec);
    await ensureClusterCredentials(spec, paths);
    for (const node of spec.nodes) await prepareNode(spec, paths, node);
  });
  const running = spec.nodes.filter((node) => !node.stopped);
  let images: Promise<unknown> = Promise.resolve();
  await progress.step("Start the control plane", async () => {
    startSupervisor(spec.name, paths);
    // Images need containerd alone: they come in while the control plane starts.
    images = Promise.all(running.map((node) => importAllImages(paths, node, SMALL_BYTES)));
    images.catch(() => undefined);
    await startControlPlane(spec, paths);
    await withClient(paths, (client) => ensureAddons(client, spec));
  });
  await progress.step(
    spec.nodes.length === 1 ? "Wait for the node" : `Wait for ${spec.nodes.length} nodes`,
    async (note) => {
      await Promise.all([waitNodesReady(spec, paths, note), images]);
    },
  );
}

/** Starts the supervisor, and with it the processes; returns when the API server is ready and kubectl knows the cluster. */
export async function startControlPlane(spec: ClusterSpec, paths: ClusterPaths): Promise<void> {
  startSupervisor(spec.name, paths);
  await waitFor(
    "the supervisor did not answer",
    20_000,
    async () =>
      (await askSupervisor(paths.supervisorSocket, "reload")) === undefined ? "it does not listen yet" : true,
    HINT_LOGS,
  );
  await withClient(paths, async (client) => {
    await waitFor(
      "the API server was not ready",
      60_000,
      async () => (await client.rawRequest("GET", "/readyz")).status === 200 || "not ready",
      HINT_LOGS,
    );
  });
  mergeKubeconfig(spec.kubeconfig, loadAdmin(paths, spec));
}

function loadAdmin(paths: ClusterPaths, spec: ClusterSpec): Parameters<typeof mergeKubeconfig>[1] {
  const config = loadKubeconfig(paths.adminKubeconfig);
  return {
    name: `knots-${spec.name}`,
    server: config.server,
    ca: config.caData ?? "",
    cert: config.clientCertData ?? "",
    key: config.clientKeyData ?? "",
  };
}

export async function withClient<T>(paths: ClusterPaths, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(loadKubeconfig(paths.adminKubeconfig));
  try {
    return await work(client);
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

async function waitNodesReady(spec: ClusterSpec, paths: ClusterPaths, note: (text: string) => void): Promise<void> {
  const wanted = spec.nodes.filter((node) => !node.stopped).map((node) => node.name);
  await withClient(paths, async (client) => {
    await waitFor(
      "not every node became Ready",
      120_000,
      async () => {
        const ready = new Map(
          (await client.resource(nodes).list({})).items.map((node) => [
            node.metadata?.name ?? "",
            node.status?.conditions?.find((each) => each.type === "Ready"),
          ]),
        );
        const waiting = wanted.filter((name) => ready.get(name)?.status !== "True");
        note(`${wanted.length - waiting.length} of ${wanted.length}`);
        return (
          waiting.length === 0 ||
          waiting.map((name) => `${name}: ${ready.get(name)?.message ?? "not registered yet"}`).join("; ")
        );
      },
      'Look at "knots logs kubelet-NODE".',
    );
    await markControlPlane(client, spec);
  });
}

/** The role column of `kubectl get nodes`: a kubelet may not give itself this label (NodeRestriction). */
async function markControlPlane(client: Client, spec: ClusterSpec): Promise<void> {
  const first = spec.nodes.find((node) => node.index === 1);
  if (first === undefined || first.stopped) return;
  const labels = { "node-role.kubernetes.io/control-plane": "" };
  await client.resource(nodes).patch(first.name, { metadata: { labels } }, { type: "merge" });
}

/** Loads one of our own images into a node unless it is there. Waits for containerd. */
export async function importImage(paths: ClusterPaths, node: Pick<NodeSpec, "name">, image: string): Promise<void> {
  const files = paths.node(node.name);
  await waitFor(
    `containerd of ${node.name} did not answer`,
    30_000,
    async () => {
      if (!existsSync(files.containerdSocket)) return "its socket is not there";
      await hasImage(files, image);
      return true;
    },
    `Look at "knots logs containerd-${node.name}".`,
  );
  if (await hasImage(files, image)) return;
  const recipe = RECIPES.find((each) => each.image === image);
  if (recipe === undefined) throw new Error(`no recipe makes ${image}`);
  await importArchive(files, archiveFile(recipe));
}

/** What `up` waits for; larger archives follow while the cluster is in use already. */
const SMALL_BYTES = 64 * 1024 * 1024;

/** Every image of ours whose archive is at most so large into a node, one after the other; the pods' own first. */
export async function importAllImages(
  paths: ClusterPaths,
  node: Pick<NodeSpec, "name">,
  maxBytes = Infinity,
): Promise<void> {
  for (const recipe of RECIPES) {
    const size = statSync(archiveFile(recipe), { throwIfNoEntry: false })?.size;
    if (size !== undefined && size <= maxBytes) await importImage(paths, node, recipe.image);
  }
}

/** Stops everything and leaves nothing on the machine; with `keepData` the store, images and certificates stay for the next `up`. */
export async function bringDown(
  spec: ClusterSpec,
  paths: ClusterPaths,
  options: { keepData: boolean },
  progress: Progress,
): Promise<void> {
  await progress.step("Stop the processes", async () => {
    await endImageLoader(paths);
    const loop = readPidFile(loopPidFile(paths));
    if (loop !== undefined && isRunning(loop)) await endProcess(loop, 20_000, new RealClock());
    removePidFile(loopPidFile(paths));
    await endLeftovers(paths);
  });
  if (spec.simulation === undefined) {
    await takeNodesApart(spec, paths, progress);
    releaseName(spec.name, paths);
  }
  rmSync(paths.run, { recursive: true, force: true });
  removeKubeconfigContext(spec.kubeconfig, `knots-${spec.name}`);
  if (!options.keepData) removeData(paths);
}

/** Everything of the cluster, cluster.json last: until it is gone the next `down` knows that there is something to end. */
function removeData(paths: ClusterPaths): void {
  for (const name of readdirSync(paths.dataDir)) {
    const path = join(paths.dataDir, name);
    if (path !== paths.specFile) rmSync(path, { recursive: true, force: true });
  }
  rmSync(paths.dataDir, { recursive: true, force: true });
}

async function takeNodesApart(spec: ClusterSpec, paths: ClusterPaths, progress: Progress): Promise<void> {
  await progress.step("Take the nodes apart", async () => {
    for (const node of spec.nodes) {
      await powerOffNode(spec.name, node.name, paths.node(node.name), paths.run);
      await endInNetns(paths.node(node.name).netns);
      await removeNodeNetwork(spec.name, node);
    }
    removeClusterCgroups(spec.name);
    await removeBridge(spec.name);
    await unmountCluster(paths);
  });
}

/** Processes whose supervisor was killed before it could end them. */
async function endLeftovers(paths: ClusterPaths): Promise<void> {
  if (!existsSync(paths.run)) return;
  for (const file of readdirSync(paths.run).filter((name) => name.endsWith(".pid"))) {
    const identity = readPidFile(join(paths.run, file));
    if (identity !== undefined && isRunning(identity)) await endProcess(identity, 5_000, new RealClock());
    removePidFile(join(paths.run, file));
  }
}

/** What `up` prints at the end. */
export function summary(spec: ClusterSpec): string[] {
  const first = spec.nodes[0];
  return [
    `Cluster ${spec.name} is up: ${spec.nodes.length === 1 ? "one node" : `${spec.nodes.length} nodes`}, kubectl context knots-${spec.name}.`,
    `  API server  https://${nodeAddress(spec, { index: 1 })}:${spec.apiPort}`,
    ...(first === undefined
      ? []
      : [
          `  NodePorts   ${spec.nodes.map((node) => nodeAddress(spec, node)).join(", ")} (this machine is ${bridgeAddress(spec)} to them)`,
        ]),
    "Try: kubectl apply -f examples/guestbook/",
  ];
}
