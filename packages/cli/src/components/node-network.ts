// `knots node-network`: kube-proxy and the node's pod network in one process, to keep a node's footprint small.
import { Command } from "commander";
import { Client, loadKubeconfig } from "@knots/client";
import { newLogger, RealClock, shutdownRequested } from "@knots/machinery";
import { NodeNetwork } from "@knots/network";
import { HEALTHZ_ADDRESS, KubeProxy, METRICS_ADDRESS, serveAbout } from "@knots/proxy";

interface Options {
  readonly kubeconfig: string;
  readonly nodeKubeconfig: string;
  readonly hostnameOverride: string;
  readonly nodeIp: string;
  readonly clusterCidr: string;
  readonly cniConfDir: string;
  readonly cniDataDir: string;
  readonly networkName: string;
}

async function run(options: Options): Promise<void> {
  const logger = newLogger({ name: "node-network", level: "info" });
  const clock = new RealClock();
  // Two identities: the proxy reads Services as upstream's does; the node's own writes its condition.
  const proxyClient = new Client(loadKubeconfig(options.kubeconfig), { logger, clock });
  const nodeClient = new Client(loadKubeconfig(options.nodeKubeconfig), { logger, clock });
  const proxy = new KubeProxy({
    client: proxyClient,
    clock,
    logger,
    nodeName: options.hostnameOverride,
    nodeIP: options.nodeIp,
    mode: "nftables",
    clusterCIDR: options.clusterCidr,
  });
  const network = new NodeNetwork({
    client: proxyClient,
    statusClient: nodeClient,
    clock,
    logger,
    nodeName: options.hostnameOverride,
    cniConfDir: options.cniConfDir,
    cniDataDir: options.cniDataDir,
    networkName: options.networkName,
    clusterCIDR: options.clusterCidr,
  });
  // Without metrics, whose library every node would have to hold; `knots kube-proxy` has them.
  const about = await serveAbout(proxy, { healthzBindAddress: HEALTHZ_ADDRESS, metricsBindAddress: METRICS_ADDRESS });
  const end = shutdownRequested();
  await Promise.all([network.start(), proxy.start()]);
  await end;
  await about[Symbol.asyncDispose]();
  await network[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await proxyClient[Symbol.asyncDispose]();
  await nodeClient[Symbol.asyncDispose]();
  process.exit(0);
}

export function command(): Command {
  return new Command("node-network")
    .requiredOption("--kubeconfig <file>", "kube-proxy's identity")
    .requiredOption("--node-kubeconfig <file>", "the node's identity, for its own status")
    .requiredOption("--hostname-override <name>", "this node's name")
    .requiredOption("--node-ip <ip>", "this node's address")
    .requiredOption("--cluster-cidr <cidr>", "the pods' network")
    .requiredOption("--cni-conf-dir <dir>", "where the CNI configuration goes")
    .requiredOption("--cni-data-dir <dir>", "where addresses in use are kept")
    .requiredOption("--network-name <name>", "the network's name, unique on the machine")
    .action(run);
}
