// kubectl as tests call it: with the environment's kubeconfig, a home of its own, and not too many at a time.
import { type ChildProcessByStdio, execFile, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { expect, vi } from "vitest";
import type { TestEnvironment } from "@knots/testing";

export const kubectlInstalled = spawnSync("kubectl", ["version", "--client"]).status === 0;

/** What a command printed and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Each kubectl is a tenth of a second of processor time: more at a time would only wait for each other. */
const AT_A_TIME = 2 * availableParallelism();

export class Kubectl implements AsyncDisposable {
  /** Holds the kubeconfig, kubectl's caches, and the files that a test writes. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    const { PATH } = process.env;
    this.env = { PATH, KUBECONFIG: join(directory, "config"), HOME: directory };
  }

  static async for(environment: TestEnvironment): Promise<Kubectl> {
    const kubectl = new Kubectl(await mkdtemp(join(tmpdir(), "knots-kubectl-")));
    await writeFile(join(kubectl.directory, "config"), environment.kubeconfig);
    return kubectl;
  }

  /** What `kubectl ARGS` prints and how it ends; `input` goes to its standard input, objects as JSON. */
  async tried(args: readonly string[], input: string | object = "", env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    if (this.#running >= AT_A_TIME) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await new Promise((resolve, reject) => {
        const options = { env: { ...this.env, ...env }, cwd: this.directory, maxBuffer: 2 ** 26 };
        const child = execFile("kubectl", args, options, (error, out, err) => {
          const code = error === null ? 0 : error.code;
          if (typeof code === "number") resolve({ code, out, err });
          else reject(error ?? new Error("kubectl ended without a code"));
        });
        // One that ends without reading all of it is no error of ours.
        child.stdin?.on("error", () => undefined);
        child.stdin?.end(typeof input === "string" ? input : JSON.stringify(input));
      });
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /** What a line prints on its standard output; it must succeed. Words are what stands between spaces. */
  async line(line: string, input?: string | object): Promise<string> {
    return await this.run(line.split(" "), input);
  }

  async run(args: readonly string[], input?: string | object, env?: NodeJS.ProcessEnv): Promise<string> {
    const { code, out, err } = await this.tried(args, input, env);
    expect([code, err], `kubectl ${args.join(" ")}`).toEqual([0, err]);
    return out;
  }

  /** What a line complains of; it must fail, with `code`. */
  async fails(line: string, input?: string | object, code = 1): Promise<string> {
    const outcome = await this.tried(line.split(" "), input);
    expect(outcome, `kubectl ${line}`).toEqual({ ...outcome, code });
    return outcome.err;
  }

  /** A command that goes on until it is killed, by the caller. */
  start(args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
    return spawn("kubectl", args, { env: this.env, cwd: this.directory, stdio: ["ignore", "pipe", "inherit"] });
  }

  /** Writes a file beside the kubeconfig; its path. Objects as JSON. */
  async file(name: string, content: string | Uint8Array | object): Promise<string> {
    const path = join(this.directory, name);
    const raw = typeof content === "string" || content instanceof Uint8Array;
    await writeFile(path, raw ? content : JSON.stringify(content));
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}

/** Until a controller has done it. */
export async function soon(check: () => Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: 15_000, interval: 50 });
}

/** A pod of one container, as `create` and `apply` take it. */
export function podOf(name: string, spec: object = {}, labels: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  };
}
