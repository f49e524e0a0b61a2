// `knots kube-proxy`: the proxy alone, in the foreground, with upstream's flags.
import { hostname } from "node:os";
import { nodes } from "@knots/api/core/v1";
import { Client, loadKubeconfig } from "@knots/client";
import { boolFlag } from "@knots/client/component-flags";
import { newLogger, RealClock, shutdownRequested } from "@knots/machinery";
import { Command, InvalidArgumentError } from "commander";
import { HEALTHZ_ADDRESS, METRICS_ADDRESS, serveAbout } from "./about.ts";
import { isIPv4 } from "./ipv4.ts";
import { KubeProxy } from "./kube-proxy.ts";

interface Options {
  readonly kubeconfig?: string;
  readonly hostnameOverride?: string;
  readonly bindAddress: string;
  readonly clusterCidr?: string;
  readonly masqueradeAll: boolean;
  readonly nodeportAddresses: string[];
  readonly healthzBindAddress: string;
  readonly metricsBindAddress: string;
  readonly cleanup: boolean;
  readonly v: number;
}

function nftables(mode: string): string {
  if (mode !== "nftables") throw new InvalidArgumentError("Knots serves Services with nftables only.");
  return mode;
}

/** The address other nodes know this one by; upstream looks it up in the same way. */
async function nodeAddress(client: Client, name: string, bindAddress: string): Promise<string> {
  if (isIPv4(bindAddress) && bindAddress !== "0.0.0.0") return bindAddress;
  const node = await client.resource(nodes).get(name);
  const found = node.status?.addresses?.find(({ type, address }) => type === "InternalIP" && isIPv4(address));
  if (found === undefined) throw new Error(`Node ${name} has no IPv4 address of type InternalIP; give --bind-address`);
  return found.address;
}

async function run(options: Options): Promise<void> {
  if (options.cleanup) return await KubeProxy.cleanup();
  const { kubeconfig, clusterCidr } = options;
  if (kubeconfig === undefined) throw new Error("give --kubeconfig");
  const nodeName = (options.hostnameOverride ?? hostname()).trim().toLowerCase();
  const logger = newLogger({ name: "kube-proxy", level: options.v >= 4 ? "debug" : "info" });
  const clock = new RealClock();
  const stopped = shutdownRequested();
  await using stack = new AsyncDisposableStack();
  const client = stack.use(new Client({ ...loadKubeconfig(kubeconfig), userAgent: "kube-proxy" }, { logger, clock }));
  // The library of metrics is not small: only who asks for them pays for it.
  const metrics = options.metricsBindAddress === "" ? undefined : new (await import("./metrics.ts")).ProxyMetrics();
  const proxy = stack.use(
    new KubeProxy({
      client,
      clock,
      logger,
      nodeName,
      nodeIP: await nodeAddress(client, nodeName, options.bindAddress),
      mode: "nftables",
      ...(clusterCidr === undefined ? {} : { clusterCIDR: clusterCidr }),
      masqueradeAll: options.masqueradeAll,
      nodePortAddresses: options.nodeportAddresses,
      ...(metrics === undefined ? {} : { observer: metrics }),
    }),
  );
  stack.use(await serveAbout(proxy, { ...options, metrics }));
  await Promise.race([proxy.start(), stopped]);
  await stopped;
}

export function command(): Command {
  const list = (text: string): string[] => text.split(",").map((each) => each.trim());
  return new Command("kube-proxy")
    .description("Makes Services reachable from this node")
    .option("--kubeconfig <file>", "how to reach the API server")
    .option("--hostname-override <name>", "this node's name; the machine's where absent")
    .option("--bind-address <ip>", "this node's address; the Node's InternalIP where it is 0.0.0.0", "0.0.0.0")
    .option("--cluster-cidr <cidr>", "the pods' network: who is not in it is masqueraded on the way to a ClusterIP")
    .option("--proxy-mode <mode>", "nftables", nftables, "nftables")
    .addOption(boolFlag("masquerade-all", "masquerade all traffic to ClusterIPs", false))
    .option("--nodeport-addresses <list>", 'where node ports answer: networks, or "primary"', list, ["primary"])
    .option("--healthz-bind-address <address>", 'where /healthz and /livez answer; "": nowhere', HEALTHZ_ADDRESS)
    .option("--metrics-bind-address <address>", 'where /metrics answers; "": nowhere', METRICS_ADDRESS)
    .addOption(boolFlag("cleanup", "remove the rules and exit", false))
    .option("-v, --v <level>", "log verbosity", Number, 0)
    .action(run);
}
