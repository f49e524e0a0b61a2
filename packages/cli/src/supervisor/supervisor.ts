// The supervisor of a cluster: makes the running processes those that cluster.json asks for, and keeps them running.
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, copyFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Clock, Logger, Timer } from "@knots/machinery";
import type { ClusterPaths } from "../cluster/paths.ts";
import { processesOf, type ProcessSpec, type ProcessTools } from "../cluster/processes.ts";
import { readSpec } from "../cluster/spec.ts";
import { identify, isRunning, readPidFile, removePidFile } from "./process-identity.ts";
import { endProcess, SupervisedProcess, type ProcessStatus } from "./supervised-process.ts";

const LOG_LIMIT_BYTES = 20 * 1024 * 1024;
const LOG_CHECK_MS = 60_000;
const STOP_GRACE_MS = 5_000;

export interface SupervisorReply {
  readonly pid: number;
  readonly processes: readonly ProcessStatus[];
  readonly error?: string;
}

export class Supervisor {
  readonly #paths: ClusterPaths;
  readonly #tools: ProcessTools;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #running = new Map<string, SupervisedProcess>();
  #server: Server | undefined;
  #logTimer: Timer | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: { paths: ClusterPaths; tools: ProcessTools; clock: Clock; logger: Logger }) {
    this.#paths = options.paths;
    this.#tools = options.tools;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  async start(): Promise<void> {
    mkdirSync(this.#paths.run, { recursive: true, mode: 0o711 });
    mkdirSync(this.#paths.logs, { recursive: true, mode: 0o700 });
    await this.reconcile();
    await this.#listen();
    this.#rotateLater();
  }

  /** Brings the processes in line with cluster.json; calls follow each other. */
  reconcile(): Promise<void> {
    this.#work = this.#work.then(() => this.#reconcileOnce());
    return this.#work;
  }

  async #reconcileOnce(): Promise<void> {
    const spec = readSpec(this.#paths.specFile);
    const wanted = new Map<string, ProcessSpec>(
      (spec === undefined ? [] : processesOf(spec, this.#paths, this.#tools)).map((p) => [p.name, p]),
    );
    await this.#stop([...this.#running.keys()].filter((name) => !wanted.has(name)));
    await this.#stopLeftovers(new Set(wanted.keys()));
    for (const [name, process] of wanted) {
      if (this.#running.has(name)) continue;
      const supervised = new SupervisedProcess({
        spec: process,
        pidFile: join(this.#paths.run, `${name}.pid`),
        logFile: join(this.#paths.logs, `${name}.log`),
        clock: this.#clock,
        logger: this.#logger,
      });
      this.#running.set(name, supervised);
      supervised.start();
    }
  }

  async #stop(names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const process = this.#running.get(name);
        this.#running.delete(name);
        await process?.stop(STOP_GRACE_MS);
      }),
    );
  }

  /** Processes of an earlier supervisor that nobody asks for any more. */
  async #stopLeftovers(wanted: ReadonlySet<string>): Promise<void> {
    for (const file of readdirSync(this.#paths.run)) {
      const name = file.replace(/\.pid$/, "");
      if (!file.endsWith(".pid") || name === "supervisor" || wanted.has(name) || this.#running.has(name)) continue;
      const path = join(this.#paths.run, file);
      const identity = readPidFile(path);
      if (identity !== undefined && isRunning(identity)) await endProcess(identity, STOP_GRACE_MS, this.#clock);
      removePidFile(path);
    }
  }

  get status(): SupervisorReply {
    return { pid: process.pid, processes: [...this.#running.values()].map((each) => each.status) };
  }

  async #listen(): Promise<void> {
    rmSync(this.#paths.supervisorSocket, { force: true });
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#paths.supervisorSocket, () => resolve());
    });
    chmodSync(this.#paths.supervisorSocket, 0o600);
  }

  /** One line a request, one line an answer: `status`, `reload`. */
  #serve(socket: Socket): void {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (!text.includes("\n")) return;
      const command = text.trim();
      const answer = (reply: SupervisorReply): void => void socket.end(`${JSON.stringify(reply)}\n`);
      if (command === "status") answer(this.status);
      else if (command === "reload") {
        this.reconcile().then(
          () => answer(this.status),
          (error: unknown) => answer({ ...this.status, error: error instanceof Error ? error.message : String(error) }),
        );
      } else answer({ ...this.status, error: `unknown command ${JSON.stringify(command)}` });
    });
  }

  #rotateLater(): void {
    this.#logTimer = this.#clock.setTimeout(() => {
      this.#rotateLogs();
      this.#rotateLater();
    }, LOG_CHECK_MS);
  }

  /** Copy and truncate: the processes keep their file open. One older file is kept. */
  #rotateLogs(): void {
    for (const file of readdirSync(this.#paths.logs)) {
      const path = join(this.#paths.logs, file);
      if (!file.endsWith(".log") || statSync(path).size < LOG_LIMIT_BYTES) continue;
      copyFileSync(path, `${path}.1`);
      truncateSync(path, 0);
    }
  }

  /** Ends every process: workers first, the API server after them, its store and containerd last. */
  async stopAll(): Promise<void> {
    await this.#work;
    const rank = (name: string): number =>
      name.startsWith("containerd") || name === "etcd" ? 2 : name === "apiserver" ? 1 : 0;
    for (const wave of [0, 1, 2]) await this.#stop([...this.#running.keys()].filter((name) => rank(name) === wave));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#logTimer?.cancel();
    await new Promise<void>((resolve) =>
      this.#server === undefined ? resolve() : this.#server.close(() => resolve()),
    );
  }
}

/** The identity of this very process, for its pid file. */
export function ownIdentity(): ReturnType<typeof identify> {
  return identify(process.pid);
}
