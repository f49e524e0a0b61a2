import { readFile } from "node:fs/promises";
import { Client, loadKubeconfig } from "@knots/client";
import { newLogger, parseDuration, RealClock, shutdownRequested } from "@knots/machinery";
import { issue, newCA } from "@knots/machinery/pki/index";
import { Command, Option } from "commander";
import { parseConfiguration } from "./config.ts";
import type { SchedulerConfiguration } from "./config.ts";
import { HealthServer } from "@knots/client/health-server";
import { defaultLeaderElection, Scheduler } from "./scheduler.ts";

interface Flags {
  readonly kubeconfig?: string;
  readonly config?: string;
  readonly leaderElect: boolean;
  readonly leaderElectLeaseDuration: number;
  readonly leaderElectRenewDeadline: number;
  readonly leaderElectRetryPeriod: number;
  readonly leaderElectResourceName: string;
  readonly leaderElectResourceNamespace: string;
  readonly bindAddress: string;
  readonly securePort: number;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly v: number;
}

/** A boolean flag in Go's manner: `--flag`, `--flag=true`, `--flag=false`. */
function bool(flag: string, description: string, initial: boolean): Option {
  return new Option(`--${flag} [bool]`, description)
    .default(initial)
    .preset(true)
    .argParser((value: string) => value === "true" || value === "1");
}

/** `kube-scheduler`, with upstream's flags. */
export function command(): Command {
  const election = defaultLeaderElection;
  return new Command("scheduler")
    .alias("kube-scheduler")
    .description("Finds a node for each pod that has none")
    .option("--kubeconfig <file>", "kubeconfig with the address and credentials of the API server")
    .option("--config <file>", "a KubeSchedulerConfiguration; what it says wins over the flags it covers")
    .addOption(bool("leader-elect", "run only while holding the Lease", true))
    .option("--leader-elect-lease-duration <duration>", "life of the Lease", parseDuration, election.leaseDurationMs)
    .option("--leader-elect-renew-deadline <duration>", "time to renew it in", parseDuration, election.renewDeadlineMs)
    .option("--leader-elect-retry-period <duration>", "time between tries", parseDuration, election.retryPeriodMs)
    .option("--leader-elect-resource-name <name>", "name of the Lease", election.name)
    .option("--leader-elect-resource-namespace <namespace>", "namespace of the Lease", election.namespace)
    .option("--bind-address <ip>", "address for /healthz and /metrics", "0.0.0.0")
    .option("--secure-port <port>", "port for them; 0: none", Number, 10259)
    .option("--tls-cert-file <file>", "its certificate; self-signed where absent")
    .option("--tls-private-key-file <file>", "its key")
    .option("-v, --v <level>", "log verbosity", Number, 0)
    .action((flags: Flags) => run(flags));
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
      leaderElection: {
        name: flags.leaderElectResourceName,
        namespace: flags.leaderElectResourceNamespace,
        leaseDurationMs: flags.leaderElectLeaseDuration,
        renewDeadlineMs: flags.leaderElectRenewDeadline,
        retryPeriodMs: flags.leaderElectRetryPeriod,
        ...config?.options.leaderElection,
      },
      onLeadershipLost: () => stopped.resolve("lost"),
    }),
  );
  if (flags.securePort !== 0) {
    const health = stack.use(
      new HealthServer({
        client,
        bindAddress: flags.bindAddress,
        port: flags.securePort,
        tls: await servingCertificate(flags),
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

async function servingCertificate(flags: Flags): Promise<{ cert: string; key: string }> {
  if (flags.tlsCertFile !== undefined && flags.tlsPrivateKeyFile !== undefined) {
    return { cert: await readFile(flags.tlsCertFile, "utf8"), key: await readFile(flags.tlsPrivateKeyFile, "utf8") };
  }
  const { certPem, keyPem } = await issue({
    ca: await newCA("kube-scheduler-ca"),
    cn: "kube-scheduler",
    dnsNames: ["localhost"],
    ipAddresses: ["127.0.0.1"],
    usages: ["server"],
    days: 365,
  });
  return { cert: certPem, key: keyPem };
}
