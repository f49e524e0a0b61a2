// node add, stop, start, rm: one node of a cluster, as if it were a machine.
import { Command } from "commander";
import { nodes } from "@knots/api/core/v1";
import { isNotFound } from "@knots/machinery";
import { bringUp, prepareNode, withClient } from "../cluster/lifecycle.ts";
import { writeSpec, type ClusterSpec, type NodeSpec } from "../cluster/spec.ts";
import { endInNetns, powerOffNode } from "../host/teardown.ts";
import { removeNodeNetwork } from "../host/network.ts";
import { requireRoot } from "../host/requirements.ts";
import { newProgress } from "../progress.ts";
import { askSupervisor } from "../supervisor/control.ts";
import { UserError } from "../user-error.ts";
import { rmSync } from "node:fs";
import { loadOwnImages, requireCluster, withCluster, type ClusterOptions } from "./cluster.ts";

function requireNode(spec: ClusterSpec, name: string): NodeSpec {
  const node = spec.nodes.find((each) => each.name === name);
  if (node === undefined)
    throw new UserError(
      `cluster ${spec.name} has no node ${name}; it has ${spec.nodes.map((each) => each.name).join(", ")}.`,
    );
  return node;
}

function replaceNode(spec: ClusterSpec, node: NodeSpec): ClusterSpec {
  return { ...spec, nodes: spec.nodes.map((each) => (each.name === node.name ? node : each)) };
}

async function stop(name: string, options: ClusterOptions): Promise<void> {
  requireRoot();
  const { spec, paths } = requireCluster(options);
  const node = requireNode(spec, name);
  writeSpec(paths.specFile, replaceNode(spec, { ...node, stopped: true }));
  await newProgress().step(`Stop ${name}`, async () => {
    const reply = await askSupervisor(paths.supervisorSocket, "reload");
    if (reply?.error !== undefined) throw new Error(reply.error);
    await powerOffNode(spec.name, name, paths.node(name), paths.run);
    // The control plane stands in the first node's namespace and goes on.
    if (node.index !== 1) await endInNetns(paths.node(name).netns);
  });
}

async function start(name: string, options: ClusterOptions): Promise<void> {
  requireRoot();
  const { spec, paths } = requireCluster(options);
  const next = replaceNode(spec, { ...requireNode(spec, name), stopped: false });
  writeSpec(paths.specFile, next);
  await bringUp(next, paths, newProgress());
}

async function add(name: string | undefined, options: ClusterOptions): Promise<void> {
  requireRoot();
  const { spec, paths } = requireCluster(options);
  const used = new Set(spec.nodes.map((node) => node.index));
  const index = Array.from({ length: 250 }, (_, i) => i + 1).find((each) => !used.has(each));
  if (index === undefined) throw new UserError("a cluster on one machine holds 250 nodes.");
  const node: NodeSpec = { name: name ?? `node-${index}`, index, stopped: false };
  if (!/^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/.test(node.name))
    throw new UserError(`"${node.name}" cannot name a node: use lower-case letters, digits and dashes.`);
  if (spec.nodes.some((each) => each.name === node.name)) throw new UserError(`there is a node ${node.name} already.`);
  const next = { ...spec, nodes: [...spec.nodes, node] };
  await prepareNode(next, paths, node);
  writeSpec(paths.specFile, next);
  await bringUp(next, paths, newProgress());
  await loadOwnImages(options);
}

async function remove(name: string, options: ClusterOptions): Promise<void> {
  requireRoot();
  const { spec, paths } = requireCluster(options);
  const node = requireNode(spec, name);
  if (node.index === 1)
    throw new UserError(`${name} holds the control plane; take the whole cluster down with "knots down".`);
  if (!node.stopped) await stop(name, options);
  writeSpec(paths.specFile, { ...spec, nodes: spec.nodes.filter((each) => each.name !== name) });
  await removeNodeNetwork(spec.name, node);
  rmSync(paths.node(name).root, { recursive: true, force: true });
  await withClient(paths, async (client) => {
    try {
      await client.resource(nodes).delete(name, {});
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  });
}

export function nodeCommand(): Command {
  return new Command("node")
    .description("add, stop, start or remove a node")
    .addCommand(withCluster(new Command("add").argument("[name]").description("a new node").action(add)))
    .addCommand(withCluster(new Command("stop").argument("<name>").description("power a node off").action(stop)))
    .addCommand(withCluster(new Command("start").argument("<name>").description("power a node on").action(start)))
    .addCommand(withCluster(new Command("rm").argument("<name>").description("remove a node").action(remove)));
}
