// Flags that the components of the control plane have in common, under upstream's names.
import { readFile } from "node:fs/promises";
import { parseDuration } from "@knots/machinery";
import { issue, newCA } from "@knots/machinery/pki/index";
import { InvalidArgumentError, Option, type Command } from "commander";
import type { LeaderElectionOptions } from "./leader-elector.ts";

/** A boolean flag in Go's manner: `--flag`, `--flag=true`, `--flag=false`. */
export function boolFlag(flag: string, description: string, initial: boolean): Option {
  return new Option(`--${flag} [bool]`, description)
    .default(initial)
    .preset("true")
    .argParser((value: string) => value === "true" || value === "1");
}

/** What the flags of `addLeaderElectionFlags` hold once they are read. */
export interface LeaderElectionFlags {
  readonly leaderElect: boolean;
  readonly leaderElectLeaseDuration: number;
  readonly leaderElectRenewDeadline: number;
  readonly leaderElectRetryPeriod: number;
  readonly leaderElectResourceName: string;
  readonly leaderElectResourceNamespace: string;
}

/** `--leader-elect` and all that belongs to it. */
export function addLeaderElectionFlags(command: Command, defaults: LeaderElectionOptions): Command {
  return command
    .addOption(boolFlag("leader-elect", "run only while holding the Lease", true))
    .option("--leader-elect-lease-duration <duration>", "life of the Lease", parseDuration, defaults.leaseDurationMs)
    .option("--leader-elect-renew-deadline <duration>", "time to renew it in", parseDuration, defaults.renewDeadlineMs)
    .option("--leader-elect-retry-period <duration>", "time between tries", parseDuration, defaults.retryPeriodMs)
    .option("--leader-elect-resource-lock <resource>", "what is held: leases", resourceLock, "leases")
    .option("--leader-elect-resource-name <name>", "name of the Lease", defaults.name)
    .option("--leader-elect-resource-namespace <namespace>", "namespace of the Lease", defaults.namespace);
}

// Upstream has dropped all other kinds of locks.
function resourceLock(value: string): string {
  if (value !== "leases") throw new InvalidArgumentError('It must be "leases".');
  return value;
}

export function leaderElectionOf(flags: LeaderElectionFlags): LeaderElectionOptions {
  return {
    name: flags.leaderElectResourceName,
    namespace: flags.leaderElectResourceNamespace,
    leaseDurationMs: flags.leaderElectLeaseDuration,
    renewDeadlineMs: flags.leaderElectRenewDeadline,
    retryPeriodMs: flags.leaderElectRetryPeriod,
  };
}

/** What the flags of `addServingFlags` hold once they are read. */
export interface ServingFlags {
  readonly bindAddress: string;
  readonly securePort: number;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
}

/** Where health and figures are served, and with which certificate. */
export function addServingFlags(command: Command, port: number): Command {
  return command
    .option("--bind-address <ip>", "address for /healthz and /metrics", "0.0.0.0")
    .option("--secure-port <port>", "port for them; 0: none", Number, port)
    .option("--tls-cert-file <file>", "its certificate; self-signed where absent")
    .option("--tls-private-key-file <file>", "its key");
}

/** The certificate of the flags, or one made for `component`. Rejects where a file cannot be read. */
export async function servingCertificate(
  component: string,
  flags: ServingFlags,
): Promise<{ cert: string; key: string }> {
  if (flags.tlsCertFile !== undefined && flags.tlsPrivateKeyFile !== undefined) {
    return { cert: await readFile(flags.tlsCertFile, "utf8"), key: await readFile(flags.tlsPrivateKeyFile, "utf8") };
  }
  const { certPem, keyPem } = await issue({
    ca: await newCA(`${component}-ca`),
    cn: component,
    dnsNames: ["localhost"],
    ipAddresses: ["127.0.0.1"],
    usages: ["server"],
    days: 365,
  });
  return { cert: certPem, key: keyPem };
}
