// `knots supervise`: the background process of a cluster. `up` starts it under a tiny shell loop, so that it comes back when killed.
import { spawn } from "node:child_process";
import { mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { newLogger, RealClock, shutdownRequested } from "@knots/machinery";
import { clusterPaths, type ClusterPaths } from "../cluster/paths.ts";
import { NODE_FLAGS } from "../cluster/node-flags.ts";
import { bridgeAddress, readSpec } from "../cluster/spec.ts";
import { UserError } from "../user-error.ts";
import { DnsForwarder, EgressProxy } from "./egress.ts";
import { identify, isRunning, readPidFile, writePidFile } from "./process-identity.ts";
import { Supervisor } from "./supervisor.ts";

/** The bundle that this process runs. */
export function bundleEntry(): string {
  return process.argv[1] ?? "";
}

/** Runs until SIGTERM, which ends the cluster's processes too. A killed supervisor leaves them running for its successor. */
export async function supervise(clusterName: string, dataDir: string): Promise<void> {
  const paths = clusterPaths(clusterName, dataDir);
  const logger = newLogger({ name: "supervisor", level: "info" });
  const clock = new RealClock();
  const spec = readSpec(paths.specFile);
  if (spec === undefined) throw new UserError(`there is no cluster in ${paths.dataDir}`);
  const supervisor = new Supervisor({
    paths,
    tools: {
      node: process.execPath,
      entry: bundleEntry(),
      egressPort: spec.egressPort,
      dnsForwardPort: spec.dnsForwardPort,
    },
    clock,
    logger,
  });
  await using stack = new AsyncDisposableStack();
  stack.use(supervisor);
  await supervisor.start();
  // Simulated nodes pull nothing and ask for no names.
  if (spec.simulation === undefined) {
    await stack.use(new DnsForwarder(logger)).listen(bridgeAddress(spec), spec.dnsForwardPort);
    await stack.use(new EgressProxy(logger)).listen(bridgeAddress(spec), spec.egressPort);
  }
  await shutdownRequested();
  await supervisor.stopAll();
}

/** Exit code 0 is a wanted end; anything else starts the supervisor again after a moment. */
const LOOP =
  'end() { kill -TERM "$child" 2>/dev/null; wait "$child"; exit 0; }; trap end TERM; while :; do "$@" & child=$!; wait $child && exit 0; sleep 0.5; done';

export function loopPidFile(paths: ClusterPaths): string {
  return join(paths.run, "supervisor.pid");
}

/** Starts the supervisor in the background unless it runs. */
export function startSupervisor(clusterName: string, paths: ClusterPaths): void {
  const left = readPidFile(loopPidFile(paths));
  if (left !== undefined && isRunning(left)) return;
  mkdirSync(paths.run, { recursive: true, mode: 0o711 });
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  const log = openSync(join(paths.logs, "supervisor.log"), "a", 0o600);
  const child = spawn(
    "sh",
    [
      "-c",
      LOOP,
      "knots-supervisor",
      process.execPath,
      ...NODE_FLAGS.small,
      bundleEntry(),
      "supervise",
      "--name",
      clusterName,
      "--data-dir",
      paths.dataDir,
    ],
    { detached: true, stdio: ["ignore", log, log], cwd: "/" },
  );
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new Error("the supervisor ended as soon as it began; see logs/supervisor.log");
  writePidFile(loopPidFile(paths), identity);
}
