// One process kept running: started detached with its output in a file, so that it outlives a killed supervisor and the next one adopts it.
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Clock, Logger, Timer } from "@knots/machinery";
import type { ProcessSpec } from "../cluster/processes.ts";
import {
  identify,
  isRunning,
  readPidFile,
  removePidFile,
  writePidFile,
  type ProcessIdentity,
} from "./process-identity.ts";
import { RestartDelay } from "./restart-delay.ts";

const ADOPTED_POLL_MS = 1_000;

export interface ProcessStatus {
  readonly name: string;
  readonly components: readonly string[];
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly startedAt: number | undefined;
}

export class SupervisedProcess {
  readonly spec: ProcessSpec;
  readonly #pidFile: string;
  readonly #logFile: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #identity: ProcessIdentity | undefined;
  #startedAt: number | undefined;
  #restarts = 0;
  readonly #delay = new RestartDelay();
  #timer: Timer | undefined;
  #stopping = false;

  constructor(options: { spec: ProcessSpec; pidFile: string; logFile: string; clock: Clock; logger: Logger }) {
    this.spec = options.spec;
    this.#pidFile = options.pidFile;
    this.#logFile = options.logFile;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  get status(): ProcessStatus {
    const { name, components } = this.spec;
    return { name, components, pid: this.#identity?.pid, restarts: this.#restarts, startedAt: this.#startedAt };
  }

  /** Adopts the process that an earlier supervisor left running, or starts one. */
  start(): void {
    const left = readPidFile(this.#pidFile);
    if (left !== undefined && isRunning(left)) {
      this.#identity = left;
      this.#startedAt = this.#clock.now();
      this.#watchAdopted(left);
      return;
    }
    this.#spawn();
  }

  #watchAdopted(identity: ProcessIdentity): void {
    this.#timer = this.#clock.setTimeout(() => {
      if (isRunning(identity)) this.#watchAdopted(identity);
      else this.#ended("gone");
    }, ADOPTED_POLL_MS);
  }

  #spawn(): void {
    const log = openSync(this.#logFile, "a", 0o600);
    const { argv, netns } = this.spec;
    const [command = "", ...args] = netns === undefined ? argv : ["nsenter", `--net=${netns}`, "--", ...argv];
    const child = spawn(command, args, {
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, ...this.spec.env },
    });
    closeSync(log);
    child.unref();
    this.#startedAt = this.#clock.now();
    child.once("error", (error) => this.#ended(error.message));
    child.once("exit", (code, signal) => this.#ended(signal ?? `exit ${code}`));
    // nsenter replaces itself by the command: same pid, same start time.
    if (child.pid !== undefined) {
      this.#identity = identify(child.pid);
      if (this.#identity !== undefined) writePidFile(this.#pidFile, this.#identity);
    }
  }

  #ended(how: string): void {
    this.#identity = undefined;
    if (this.#stopping) return;
    const ran = this.#clock.now() - (this.#startedAt ?? this.#clock.now());
    const delay = this.#delay.after(ran);
    this.#logger.warn({ process: this.spec.name, how, restartInMs: delay }, "process ended; starting it again");
    this.#timer = this.#clock.setTimeout(() => {
      this.#restarts++;
      this.#spawn();
    }, delay);
  }

  /** Asks the process to end and, after `graceMs`, makes it. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    const identity = this.#identity;
    if (identity !== undefined) {
      await endProcess(identity, graceMs, this.#clock);
    }
    removePidFile(this.#pidFile);
  }
}

/**
 * SIGTERM, then SIGKILL after `graceMs`; returns when the process is gone or two more seconds have passed. With `group`
 * everything in the group that it leads is told too.
 */
export async function endProcess(
  identity: ProcessIdentity,
  graceMs: number,
  clock: Clock,
  options: { readonly group?: boolean } = {},
): Promise<void> {
  const signal = (to: ProcessIdentity, name: NodeJS.Signals): void => send(to, name, options.group === true);
  signal(identity, "SIGTERM");
  const polls = Math.ceil(graceMs / 20);
  for (let i = 0; i < polls && isRunning(identity); i++) await clock.sleep(20);
  if (isRunning(identity)) signal(identity, "SIGKILL");
  for (let i = 0; i < 100 && isRunning(identity); i++) await clock.sleep(20);
}

function send(identity: ProcessIdentity, name: NodeJS.Signals, group: boolean): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(group ? -identity.pid : identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
