import { readFile } from "node:fs/promises";
import { Client, loadKubeconfig } from "@knots/client";
import {
  addLeaderElectionFlags,
  addServingFlags,
  boolFlag,
  leaderElectionOf,
  servingCertificate,
} from "@knots/client/component-flags";
import type { LeaderElectionFlags, ServingFlags } from "@knots/client/component-flags";
import { newLogger, parseDuration, RealClock, shutdownRequested } from "@knots/machinery";
import { Command } from "commander";
import { defaultControllerOptions } from "./framework/options.ts";
import type { ControllerOptions } from "./framework/options.ts";
import { HealthServer } from "@knots/client/health-server";
import { collectDefaultMetrics, Registry } from "prom-client";
import { ControllerManager, defaultLeaderElection } from "./manager.ts";

interface Flags extends LeaderElectionFlags, ServingFlags {
  readonly kubeconfig: string;
  readonly controllers: string[];
  readonly allocateNodeCidrs: boolean;
  readonly clusterCidr?: string[];
  readonly serviceClusterIpRange?: string;
  readonly nodeCidrMaskSize?: number;
  readonly nodeCidrMaskSizeIpv4?: number;
  readonly nodeCidrMaskSizeIpv6?: number;
  readonly rootCaFile?: string;
  readonly serviceAccountPrivateKeyFile?: string;
  readonly clusterSigningCertFile?: string;
  readonly clusterSigningKeyFile?: string;
  readonly v: number;
  readonly [flag: string]: unknown;
}

/** Flags that are a duration, with the option each sets. */
const DURATIONS = {
  "node-monitor-period": "nodeMonitorPeriod",
  "node-monitor-grace-period": "nodeMonitorGracePeriod",
  "node-startup-grace-period": "nodeStartupGracePeriod",
  "cluster-signing-duration": "clusterSigningDuration",
  "legacy-service-account-token-clean-up-period": "legacyTokenCleanUpPeriod",
  "endpoint-updates-batch-period": "endpointUpdatesBatchPeriod",
  "endpointslice-updates-batch-period": "endpointSliceUpdatesBatchPeriod",
  "mirroring-endpointslice-updates-batch-period": "mirroringEndpointSliceUpdatesBatchPeriod",
  "namespace-sync-period": "namespaceSyncPeriod",
  "resource-quota-sync-period": "resourceQuotaSyncPeriod",
  "horizontal-pod-autoscaler-sync-period": "hpaSyncPeriod",
  "pvclaimbinder-sync-period": "pvClaimBinderSyncPeriod",
  "horizontal-pod-autoscaler-cpu-initialization-period": "hpaCPUInitializationPeriod",
  "horizontal-pod-autoscaler-initial-readiness-delay": "hpaInitialReadinessDelay",
  "horizontal-pod-autoscaler-downscale-stabilization": "hpaDownscaleStabilization",
} as const satisfies Record<string, keyof ControllerOptions>;

/** Flags that are a number, with the option each sets. */
const NUMBERS = {
  "terminated-pod-gc-threshold": "terminatedPodGCThreshold",
  "max-endpoints-per-slice": "maxEndpointsPerSlice",
  "mirroring-max-endpoints-per-subset": "mirroringMaxEndpointsPerSubset",
  "horizontal-pod-autoscaler-tolerance": "hpaTolerance",
  "node-eviction-rate": "nodeEvictionRate",
  "secondary-node-eviction-rate": "secondaryNodeEvictionRate",
  "large-cluster-size-threshold": "largeClusterSizeThreshold",
  "unhealthy-zone-threshold": "unhealthyZoneThreshold",
} as const satisfies Record<string, keyof ControllerOptions>;

/** Signers with authorities of their own, by the stem of their two flags. */
const SIGNER_FLAGS = {
  "kubelet-serving": "kubernetes.io/kubelet-serving",
  "kubelet-client": "kubernetes.io/kube-apiserver-client-kubelet",
  "kube-apiserver-client": "kubernetes.io/kube-apiserver-client",
  "legacy-unknown": "kubernetes.io/legacy-unknown",
} as const;

function list(value: string): string[] {
  return value.split(",").filter((part) => part !== "");
}

/** Upstream has the words of one of them in another order. */
function workersFlag(stem: string): string {
  return stem === "mirroring-service-endpoint"
    ? "mirroring-concurrent-service-endpoint-syncs"
    : `concurrent-${stem}-syncs`;
}

function camel(flag: string): string {
  return flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** `kube-controller-manager`, with upstream's flags. */
export function command(): Command {
  const result = new Command("kube-controller-manager")
    .description("Runs the controllers that drive the cluster's state towards what its objects ask for")
    .requiredOption("--kubeconfig <file>", "kubeconfig with the address and credentials of the API server")
    .option("--controllers <names>", "controllers to run: '*', 'foo', '-foo', comma-separated", list, ["*"])
    .addOption(boolFlag("allocate-node-cidrs", "give each node a part of --cluster-cidr", true))
    .option("--cluster-cidr <cidrs>", "pod CIDRs of the cluster, comma-separated", list)
    .option("--service-cluster-ip-range <cidr>", "CIDR of the Services")
    .option("--node-cidr-mask-size <bits>", "prefix length of a node's pod CIDR", Number)
    .option("--node-cidr-mask-size-ipv4 <bits>", "the same for IPv4 of a dual-stack cluster", Number)
    .option("--node-cidr-mask-size-ipv6 <bits>", "the same for IPv6 of a dual-stack cluster", Number)
    .option("--root-ca-file <file>", "CA that goes into each namespace's kube-root-ca.crt")
    .option("--service-account-private-key-file <file>", "key that signs service-account tokens")
    .option("--cluster-signing-cert-file <file>", "CA that signs CertificateSigningRequests")
    .option("--cluster-signing-key-file <file>", "its key")
    .option("-v, --v <level>", "log verbosity", Number, 0);
  addLeaderElectionFlags(result, defaultLeaderElection);
  addServingFlags(result, 10_257);
  for (const [stem, signer] of Object.entries(SIGNER_FLAGS)) {
    result.option(`--cluster-signing-${stem}-cert-file <file>`, `CA of the signer ${signer}`);
    result.option(`--cluster-signing-${stem}-key-file <file>`, "its key");
  }
  for (const [flag, option] of Object.entries(DURATIONS)) {
    result.option(`--${flag} <duration>`, `see ${flag}`, parseDuration, defaultControllerOptions[option]);
  }
  for (const [flag, option] of Object.entries(NUMBERS)) {
    result.option(`--${flag} <number>`, `see ${flag}`, Number, defaultControllerOptions[option]);
  }
  for (const [stem, workers] of Object.entries(defaultControllerOptions.concurrentSyncs)) {
    result.option(`--${workersFlag(stem)} <number>`, `workers of the ${stem} controller`, Number, workers);
  }
  return result.action((flags: Flags) => run(flags));
}

/** Options from flags; files are read. Throws where one cannot be read. */
export async function optionsFrom(flags: Flags): Promise<Partial<ControllerOptions>> {
  const file = async (path: string | undefined): Promise<string | undefined> =>
    path === undefined ? undefined : readFile(path, "utf8");
  const rest: Record<string, unknown> = {
    serviceClusterIPRange: flags.serviceClusterIpRange,
    rootCA: await file(flags.rootCaFile),
    serviceAccountPrivateKey: await file(flags.serviceAccountPrivateKeyFile),
    clusterSigningCert: await file(flags.clusterSigningCertFile),
    clusterSigningKey: await file(flags.clusterSigningKeyFile),
    nodeCIDRMaskSizeIPv4: flags.nodeCidrMaskSizeIpv4 ?? flags.nodeCidrMaskSize,
    nodeCIDRMaskSizeIPv6: flags.nodeCidrMaskSizeIpv6,
  };
  for (const [flag, option] of Object.entries({ ...DURATIONS, ...NUMBERS })) rest[option] = flags[camel(flag)];
  const concurrentSyncs: Record<string, number> = {};
  for (const stem of Object.keys(defaultControllerOptions.concurrentSyncs)) {
    const workers = flags[camel(workersFlag(stem))];
    if (typeof workers === "number") concurrentSyncs[stem] = workers;
  }
  const signers: Record<string, { cert: string; key: string }> = {};
  for (const [stem, signer] of Object.entries(SIGNER_FLAGS)) {
    const [cert, key] = await Promise.all(
      ["cert", "key"].map((part) => file(flags[camel(`cluster-signing-${stem}-${part}-file`)] as string | undefined)),
    );
    if ((cert === undefined) !== (key === undefined))
      throw new Error(`--cluster-signing-${stem}-cert-file and -key-file are given together or not at all`);
    if (cert !== undefined && key !== undefined) signers[signer] = { cert, key };
  }
  if (Object.keys(signers).length > 0) rest["signers"] = signers;
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    allocateNodeCIDRs: flags.allocateNodeCidrs,
    clusterCIDRs: flags.clusterCidr ?? [],
    concurrentSyncs,
  };
}

async function run(flags: Flags): Promise<void> {
  const logger = newLogger({ name: "kube-controller-manager", level: flags.v >= 4 ? "debug" : "info" });
  const clock = new RealClock();
  await using stack = new AsyncDisposableStack();
  const config = loadKubeconfig(flags.kubeconfig);
  const client = stack.use(new Client({ ...config, userAgent: "kube-controller-manager" }, { logger, clock }));
  const stopped = Promise.withResolvers<"signal" | "lost">();
  void shutdownRequested().then(() => stopped.resolve("signal"));
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const manager = stack.use(
    new ControllerManager({
      client,
      clock,
      logger,
      options: await optionsFrom(flags),
      controllers: flags.controllers,
      registry,
      leaderElect: flags.leaderElect,
      leaderElection: leaderElectionOf(flags),
      onLeadershipLost: () => stopped.resolve("lost"),
    }),
  );
  if (flags.securePort !== 0) {
    const health = stack.use(
      new HealthServer({
        client,
        bindAddress: flags.bindAddress,
        port: flags.securePort,
        tls: await servingCertificate("kube-controller-manager", flags),
        metrics: () => registry.metrics(),
      }),
    );
    await health.start();
  }
  await manager.start();
  // Another holds the Lease now: what ran here must not go on, and a supervisor starts us anew.
  if ((await stopped.promise) === "lost") {
    logger.error("leaderelection lost");
    process.exitCode = 1;
  }
}
