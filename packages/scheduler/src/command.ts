import { readFile } from "node:fs/promises";
import { Client, loadKubeconfig } from "@knots/client";
import {
  addLeaderElectionFlags,
  addServingFlags,
  leaderElectionOf,
  servingCertificate,
} from "@knots/client/component-flags";
import type { LeaderElectionFlags, ServingFlags } from "@knots/client/component-flags";
import { newLogger, RealClock, shutdownRequested } from "@knots/machinery";
import { Command } from "commander";
import { parseConfiguration } from "./config.ts";
import type { SchedulerConfiguration } from "./config.ts";
import { HealthServer } from "@knots/client/health-server";
import { defaultLeaderElection, Scheduler } from "./scheduler.ts";

interface Flags extends LeaderElectionFlags, ServingFlags {
  readonly kubeconfig?: string;
  readonly config?: string;
  readonly v: number;
}

/** `kube-scheduler`, with upstream's flags. */
export function command(): Command {
  const result = new Command("scheduler")
    .alias("kube-scheduler")
    .description("Finds a node for each pod that has none")
    .option("--kubeconfig <file>", "kubeconfig with the address and credentials of the API server")
    .option("--config <file>", "a KubeSchedulerConfiguration; what it says wins over the flags it covers")
    .option("-v, --v <level>", "log verbosity", Number, 0);
  addLeaderElectionFlags(result, defaultLeaderElection);
  return addServingFlags(result, 10_259).action((flags: Flags) => run(flags));
}

async function readConfiguration(path: string): Promise<SchedulerConfiguration> {
  try {
    return parseConfiguration(await readFile(path, "utf8"));
  } catch (error) {
    throw new Error(`--config ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

async function run(flags: Flags): Promise<void> {
  const logger = newLogger({ name: "kube-scheduler", level: flags.v >= 4 ? "debug" : "info" });
  const clock = new RealClock();
  const config = flags.config === undefined ? undefined : await readConfiguration(flags.config);
  const kubeconfig = flags.kubeconfig ?? config?.kubeconfig;
  if (kubeconfig === undefined) {
    throw new Error("give --kubeconfig, or a --config with clientConnection.kubeconfig");
  }
  await using stack = new AsyncDisposableStack();
  const client = stack.use(
    new Client({ ...loadKubeconfig(kubeconfig), userAgent: "kube-scheduler" }, { logger, clock }),
  );
  const stopped = Promise.withResolvers<"signal" | "lost">();
  void shutdownRequested().then(() => stopped.resolve("signal"));
  const scheduler = stack.use(
    new Scheduler({
      client,
      clock,
      logger,
      leaderElect: flags.leaderElect,
      ...config?.options,
      leaderElection: { ...leaderElectionOf(flags), ...config?.options.leaderElection },
      onLeadershipLost: () => stopped.resolve("lost"),
    }),
  );
  if (flags.securePort !== 0) {
    const health = stack.use(
      new HealthServer({
        client,
        bindAddress: flags.bindAddress,
        port: flags.securePort,
        tls: await servingCertificate("kube-scheduler", flags),
        metrics: () => scheduler.metrics(),
      }),
    );
    await health.start();
  }
  await scheduler.start();
  // Another holds the Lease now: what ran here must not go on, and a supervisor starts us anew.
  if ((await stopped.promise) === "lost") {
    logger.error("leaderelection lost");
    process.exitCode = 1;
  }
}
