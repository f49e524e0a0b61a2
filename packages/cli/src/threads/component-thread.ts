// One component in a thread of its own, started again when it ends.
import { createWriteStream, type WriteStream } from "node:fs";
import { Worker } from "node:worker_threads";
import { STOP, type Clock, type Logger, type Timer } from "@knots/machinery";
import { RestartDelay } from "../supervisor/restart-delay.ts";

export interface ThreadSpec {
  /** `kubelet-node-1`, …: the name of its log. */
  readonly name: string;
  /** The component's name and flags, as on the command line. */
  readonly argv: readonly string[];
}

export class ComponentThread {
  readonly #spec: ThreadSpec;
  readonly #entry: string;
  readonly #log: WriteStream;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #delay = new RestartDelay();
  #worker: Worker | undefined;
  #timer: Timer | undefined;
  #stopping = false;

  /** `entry`: the file each thread runs. `logFile`: where what the component says is appended. */
  constructor(options: { spec: ThreadSpec; entry: string; logFile: string; clock: Clock; logger: Logger }) {
    this.#spec = options.spec;
    this.#entry = options.entry;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#log = createWriteStream(options.logFile, { flags: "a", mode: 0o600 });
    this.#log.on("error", (error) =>
      this.#logger.error({ thread: options.spec.name, err: error }, "cannot write its log"),
    );
  }

  start(): void {
    const startedAt = this.#clock.monotonic();
    const worker = new Worker(this.#entry, { argv: [...this.#spec.argv], stdout: true, stderr: true });
    this.#worker = worker;
    worker.stdout.on("data", (text: Buffer) => this.#log.write(text));
    worker.stderr.on("data", (text: Buffer) => this.#log.write(text));
    let how = "";
    worker.once("error", (error) => {
      how = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#log.write(`${how}\n`);
    });
    worker.once("exit", (code) => {
      this.#worker = undefined;
      if (this.#stopping) return;
      const delay = this.#delay.after(this.#clock.monotonic() - startedAt);
      this.#logger.warn(
        { thread: this.#spec.name, how: how.split("\n")[0] || `exit ${code}`, restartInMs: delay },
        "component ended; starting it again",
      );
      this.#timer = this.#clock.setTimeout(() => this.start(), delay);
    });
  }

  /** Asks the component to end and, after `graceMs`, makes it. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    const worker = this.#worker;
    if (worker !== undefined) {
      const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
      worker.postMessage(STOP);
      const limit = this.#clock.setTimeout(() => void worker.terminate(), graceMs);
      await ended;
      limit.cancel();
    }
    await new Promise<void>((resolve) => this.#log.end(() => resolve()));
  }
}
