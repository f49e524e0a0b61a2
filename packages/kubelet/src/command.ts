/** `knots kubelet`: upstream's flags. */
import { readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { Client, loadKubeconfig } from "@knots/client";
import { newLogger, parseDuration, RealClock, shutdownRequested } from "@knots/machinery";
import { Command } from "commander";
import { type KubeletConfiguration, parseKubeletConfiguration, parseMap, parseTaints } from "./config-file.ts";
import { Kubelet } from "./kubelet.ts";
import type { KubeletOptions } from "./options.ts";
import { Simulation, type SimulationOptions } from "./simulation/simulation.ts";

/** More would need more than a process holds. */
const MAX_SIMULATED = 10_000;

interface Flags {
  config?: string;
  kubeconfig: string;
  hostnameOverride?: string;
  nodeIp?: string;
  rootDir: string;
  podManifestPath?: string;
  containerRuntimeEndpoint?: string;
  clusterDns?: string;
  clusterDomain?: string;
  cgroupRoot?: string;
  port?: string;
  tlsCertFile?: string;
  tlsPrivateKeyFile?: string;
  clientCaFile?: string;
  registerNode?: string;
  registerWithTaints?: string;
  nodeLabels?: string;
  maxPods?: string;
  podMaxPids?: string;
  resolvConf?: string;
  podLogsDir?: string;
  kubeReserved?: string;
  systemReserved?: string;
  evictionHard?: string;
  allowedUnsafeSysctls?: string;
  serializeImagePulls?: string;
  simulate?: string;
  simulatePrefix: string;
  seccompDefault?: string;
  v?: string;
}

export function command(): Command {
  return new Command("kubelet")
    .description("run the node agent: makes the pods that are bound to this node run")
    .option("--config <file>", "KubeletConfiguration file; flags override it")
    .requiredOption("--kubeconfig <file>", "how to reach the API server")
    .option("--hostname-override <name>", "name of the node; default: the hostname")
    .option("--node-ip <addresses>", "address of the node, or two separated by a comma")
    .option("--root-dir <dir>", "directory of the kubelet's files", "/var/lib/kubelet")
    .option("--pod-manifest-path <path>", "directory of static pods")
    .option("--container-runtime-endpoint <endpoint>", "unix socket of the CRI runtime")
    .option("--cluster-dns <addresses>", "DNS servers of pods, separated by commas")
    .option("--cluster-domain <domain>", "domain of the cluster")
    .option("--cgroup-root <path>", "cgroup under which the pods' cgroups lie")
    .option("--port <port>", "port of the kubelet's server")
    .option("--tls-cert-file <file>", "certificate of the kubelet's server")
    .option("--tls-private-key-file <file>", "its key")
    .option("--client-ca-file <file>", "CA of the certificates of its callers")
    .option("--register-node <bool>", "register the Node with the API server")
    .option("--register-with-taints <taints>", "taints to register with: key=value:effect, separated by commas")
    .option("--node-labels <labels>", "labels to register with: key=value, separated by commas")
    .option("--max-pods <n>", "number of pods that can run here")
    .option("--pod-max-pids <n>", "processes per pod; -1: no limit")
    .option("--resolv-conf <file>", "resolver configuration for pods with dnsPolicy Default; empty: none")
    .option("--pod-logs-dir <dir>", "directory of the pods' logs")
    .option("--kube-reserved <map>", "resources reserved for Kubernetes: cpu=100m,memory=256Mi")
    .option("--system-reserved <map>", "resources reserved for the system")
    .option("--eviction-hard <map>", "hard eviction thresholds: memory.available<100Mi")
    .option("--allowed-unsafe-sysctls <list>", "sysctls or patterns beyond the safe ones")
    .option("--serialize-image-pulls <bool>", "pull one image at a time")
    .option("--simulate <n>", "be the kubelets of so many simulated nodes instead: no containers, no privileges")
    .option("--simulate-prefix <text>", "what the simulated nodes' names begin with", "sim-")
    .option("-v, --v <level>", "verbosity of the log")
    .action(async (flags: Flags) => {
      const logger = newLogger({ name: "kubelet", level: Number(flags.v ?? "2") >= 4 ? "debug" : "info" });
      const clock = new RealClock();
      const stopped = shutdownRequested();
      await using stack = new AsyncDisposableStack();
      const newClient = (): Client =>
        stack.use(new Client({ ...loadKubeconfig(flags.kubeconfig), userAgent: "kubelet/knots" }, { logger, clock }));
      const client = newClient();
      if (flags.simulate !== undefined) {
        const heartbeats = newClient();
        const simulation = stack.use(new Simulation({ ...simulationFrom(flags), client, heartbeats, clock, logger }));
        await simulation.start();
        await stopped;
        return;
      }
      const kubelet = stack.use(new Kubelet({ ...optionsFrom(flags), client, clock, logger }));
      await kubelet.start();
      await stopped;
      logger.info("kubelet stops; pods keep running");
    });
}

/** Flags over the configuration file over defaults. */
export function optionsFrom(flags: Flags): Omit<KubeletOptions, "client" | "clock" | "logger"> {
  const config: KubeletConfiguration =
    flags.config === undefined ? {} : parseKubeletConfiguration(readFileSync(flags.config, "utf8"));
  const own = hostname();
  const nodeName = (flags.hostnameOverride ?? own).toLowerCase();
  const nodeIPs = flags.nodeIp === undefined ? [firstAddress()] : list(flags.nodeIp);
  const cert = flags.tlsCertFile ?? config.tlsCertFile;
  const key = flags.tlsPrivateKeyFile ?? config.tlsPrivateKeyFile;
  const ca = flags.clientCaFile ?? config.authentication?.x509?.clientCAFile;
  const number = (flag: string | undefined, other: number | undefined): number | undefined =>
    flag === undefined ? other : Number(flag);
  const pids = number(flags.podMaxPids, config.podPidsLimit);
  const backoff = config.crashLoopBackOff?.maxContainerRestartPeriod;
  return withoutUndefined({
    nodeName,
    hostname: nodeName,
    nodeIP: nodeIPs[0] ?? "127.0.0.1",
    nodeIPs,
    rootDir: flags.rootDir,
    staticPodPath: flags.podManifestPath ?? config.staticPodPath,
    runtimeEndpoint:
      flags.containerRuntimeEndpoint ?? config.containerRuntimeEndpoint ?? "unix:///run/containerd/containerd.sock",
    clusterDNS: flags.clusterDns === undefined ? (config.clusterDNS ?? []) : list(flags.clusterDns),
    clusterDomain: flags.clusterDomain ?? config.clusterDomain ?? "cluster.local",
    cgroupRoot: flags.cgroupRoot ?? config.cgroupRoot ?? "/",
    port: number(flags.port, config.port) ?? 10_250,
    tls:
      cert !== undefined && key !== undefined
        ? { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") }
        : undefined,
    clientCA: ca === undefined ? undefined : readFileSync(ca, "utf8"),
    podLogsDir: flags.podLogsDir ?? config.podLogsDir,
    resolvConf: flags.resolvConf ?? config.resolvConf ?? "/etc/resolv.conf",
    registerNode: flags.registerNode === undefined ? config.registerNode : flags.registerNode === "true",
    registerWithTaints:
      flags.registerWithTaints === undefined ? config.registerWithTaints : parseTaints(flags.registerWithTaints),
    nodeLabels: flags.nodeLabels === undefined ? undefined : parseMap(flags.nodeLabels),
    maxPods: number(flags.maxPods, config.maxPods),
    podPidsLimit: pids === undefined || pids < 0 ? undefined : pids,
    kubeReserved: flags.kubeReserved === undefined ? config.kubeReserved : parseMap(flags.kubeReserved),
    systemReserved: flags.systemReserved === undefined ? config.systemReserved : parseMap(flags.systemReserved),
    evictionHard: flags.evictionHard === undefined ? config.evictionHard : parseMap(flags.evictionHard, "<"),
    allowedUnsafeSysctls:
      flags.allowedUnsafeSysctls === undefined ? config.allowedUnsafeSysctls : list(flags.allowedUnsafeSysctls),
    serializeImagePulls:
      flags.serializeImagePulls === undefined ? config.serializeImagePulls : flags.serializeImagePulls === "true",
    maxParallelImagePulls: config.maxParallelImagePulls,
    imageGCHighThresholdPercent: config.imageGCHighThresholdPercent,
    imageGCLowThresholdPercent: config.imageGCLowThresholdPercent,
    maxCrashBackoffMs: backoff === undefined ? undefined : parseDuration(backoff),
  });
}

/** What of the flags bears on simulated nodes. */
export function simulationFrom(flags: Flags): Omit<SimulationOptions, "client" | "clock" | "logger"> {
  const nodes = Number(flags.simulate);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_SIMULATED)
    throw new Error(`--simulate ${flags.simulate}: give a whole number from 1 to ${MAX_SIMULATED}`);
  const { nodeIP, port, tls, clientCA, clusterDomain, maxPods, nodeLabels: labels } = optionsFrom(flags);
  return withoutUndefined({
    nodes,
    prefix: flags.simulatePrefix,
    nodeIP,
    port,
    tls,
    clientCA,
    clusterDomain,
    maxPods,
    labels,
  });
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

/** The first address that others can reach. */
function firstAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) if (address.family === "IPv4" && !address.internal) return address.address;
  }
  return "127.0.0.1";
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Options that nobody set are left out, so that defaults apply. */
function withoutUndefined<T extends object>(object: T): Present<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Present<T>;
}
