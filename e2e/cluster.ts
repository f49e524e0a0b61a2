// A real cluster for end-to-end tests: `./knots` and kubectl as a person would use them, with a kubeconfig of their own.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "..");

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whether this machine can run nodes: they need root on Linux. */
export const canRunNodes = process.platform === "linux" && process.getuid?.() === 0;

/** Runs a command from the root of the repository to its end, whatever that is. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; input?: string; timeoutMs?: number },
): Promise<Outcome> {
  return new Promise((done) => {
    const child = execFile(
      command,
      args,
      { cwd: ROOT, env: options.env, timeout: options.timeoutMs ?? 120_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        done({ code, stdout, stderr });
      },
    );
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input ?? "");
  });
}

export class TestCluster {
  readonly name: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;

  constructor(name: string) {
    this.name = name;
    this.home = mkdtempSync(join(tmpdir(), "knots-e2e-"));
    this.env = { ...process.env, KUBECONFIG: join(this.home, "kubeconfig"), NO_COLOR: "1" };
    delete this.env["KNOTS_PREPARED"];
  }

  run(
    command: string,
    args: readonly string[],
    options: { input?: string; timeoutMs?: number } = {},
  ): Promise<Outcome> {
    return runCommand(command, args, { ...options, env: this.env });
  }

  /** `./knots COMMAND --name NAME …`; throws with its words when it fails. */
  async knots(...args: string[]): Promise<string> {
    const result = await this.run("./knots", [...args, "--name", this.name], { timeoutMs: 600_000 });
    if (result.code !== 0) throw new Error(`knots ${args.join(" ")}: ${result.stderr}${result.stdout}`);
    return result.stdout + result.stderr;
  }

  /** kubectl's output; throws with its words when it fails. */
  async kubectl(...args: string[]): Promise<string> {
    const result = await this.run("kubectl", args);
    if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${result.stderr}`);
    return result.stdout;
  }

  async apply(manifest: object | string): Promise<string> {
    const input = typeof manifest === "string" ? manifest : JSON.stringify(manifest);
    const result = await this.run("kubectl", ["apply", "-f", "-"], { input });
    if (result.code !== 0) throw new Error(`kubectl apply: ${result.stderr}`);
    return result.stdout;
  }

  async json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl(...args, "-o", "json")) as T;
  }

  /** A command in a node's network namespace. */
  async onNode(node: string, command: string, ...args: string[]): Promise<Outcome> {
    return await this.run("nsenter", [`--net=/run/netns/knots-${this.name}-${node}`, command, ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.knots("down");
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Asks again until `probe` gives something; throws with the last error after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last = "it did not hold";
  while (performance.now() < deadline) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`${what}: ${last}`);
}
