// A control plane for a benchmark: its components as processes of their own on the loopback address, nothing else.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NODE_ENV, NODE_FLAGS } from "../../packages/cli/src/cluster/node-flags.ts";
import { Client, loadKubeconfig, writeKubeconfig } from "@knots/client";

const ENTRY = resolve(import.meta.dirname, "../../dist/knots.mjs");
const TOKEN = "bench";

interface Component {
  readonly name: string;
  readonly child: ChildProcess;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

export class ControlPlane implements AsyncDisposable {
  readonly home = mkdtempSync(join(tmpdir(), "knots-bench-"));
  readonly #components: Component[] = [];
  #client: Client | undefined;
  /** However the benchmark ends, by a signal too, it leaves nothing behind. */
  readonly #leaveNothing = (): void => {
    for (const { child } of this.#components) child.kill("SIGKILL");
    rmSync(this.home, { recursive: true, force: true });
  };

  constructor() {
    process.once("exit", this.#leaveNothing);
  }

  get kubeconfig(): string {
    return join(this.home, "kubeconfig");
  }

  get client(): Client {
    if (this.#client === undefined) throw new Error("the API server has not been started");
    return this.#client;
  }

  /** A client with a connection of its own, as another component has. */
  newClient(): Client {
    return new Client(loadKubeconfig(this.kubeconfig));
  }

  async startServer(flags: readonly string[] = []): Promise<void> {
    const port = await freePort();
    const tokens = join(this.home, "tokens");
    writeFileSync(tokens, `${TOKEN},bench,bench,"system:masters"\n`, { mode: 0o600 });
    this.start("apiserver", [
      `--data-dir=${this.home}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      `--token-auth-file=${tokens}`,
      ...flags,
    ]);
    const ca = await until("the API server's certificate", () =>
      readFileSync(join(this.home, "pki", "ca.crt"), "utf8"),
    );
    writeKubeconfig(this.kubeconfig, { name: "bench", server: `https://127.0.0.1:${port}`, ca, token: TOKEN });
    const client = this.newClient();
    this.#client = client;
    await until("the API server", async () => {
      if ((await client.rawRequest("GET", "/readyz")).status !== 200) throw new Error("not ready");
    });
  }

  startScheduler(): void {
    this.start("scheduler", [`--kubeconfig=${this.kubeconfig}`, "--leader-elect=false", "--secure-port=0"]);
  }

  startControllers(): void {
    this.start("controller-manager", [
      `--kubeconfig=${this.kubeconfig}`,
      "--leader-elect=false",
      "--secure-port=0",
      "--cluster-cidr=10.0.0.0/8",
      `--root-ca-file=${join(this.home, "pki", "ca.crt")}`,
      `--service-account-private-key-file=${join(this.home, "pki", "sa.key")}`,
    ]);
  }

  startSimulation(nodes: number): void {
    this.start("kubelet", [
      `--kubeconfig=${this.kubeconfig}`,
      `--simulate=${nodes}`,
      `--root-dir=${this.home}/kubelet`,
    ]);
  }

  /** KNOTS_BENCH_PROFILE=scheduler,apiserver: writes a V8 CPU profile of those into the working directory. */
  start(name: string, flags: readonly string[]): void {
    const profiled = (process.env["KNOTS_BENCH_PROFILE"] ?? "").split(",").includes(name);
    const log = openSync(join(this.home, `${name}.log`), "a");
    const child = spawn(
      process.execPath,
      [
        ...(name === "apiserver" ? NODE_FLAGS.clusterServer : NODE_FLAGS.large),
        ...(profiled ? ["--cpu-prof", `--cpu-prof-name=${name}.cpuprofile`] : []),
        ENTRY,
        name,
        ...flags,
      ],
      { stdio: ["ignore", log, log], env: { ...process.env, ...NODE_ENV } },
    );
    this.#components.push({ name, child });
  }

  /** Fails when a component has ended, with the last of what it said. */
  check(): void {
    for (const { name, child } of this.#components) {
      if (child.exitCode === null && child.signalCode === null) continue;
      const said = readFileSync(join(this.home, `${name}.log`), "utf8")
        .split("\n")
        .slice(-5)
        .join("\n");
      throw new Error(`${name} ended: ${said}`);
    }
  }

  /** Resident megabytes (10^6 bytes) of each component. */
  resident(): Map<string, number> {
    return new Map(
      this.#components.map(({ name, child }) => {
        const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
        return [name, (Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024) / 1e6];
      }),
    );
  }

  /** CPU seconds that each component has used so far: fields 14 and 15 of its stat, in hundredths. */
  cpuSeconds(): Map<string, number> {
    return new Map(
      this.#components.map(({ name, child }) => {
        const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8")
          .replace(/^.*\) /, "")
          .split(" ");
        return [name, (Number(fields[11]) + Number(fields[12])) / 100];
      }),
    );
  }

  async stop(name: string): Promise<void> {
    const index = this.#components.findIndex((component) => component.name === name);
    const [component] = index < 0 ? [] : this.#components.splice(index, 1);
    if (component === undefined || component.child.exitCode !== null || component.child.signalCode !== null) return;
    const ended = once(component.child, "exit");
    component.child.kill("SIGTERM");
    const timer = setTimeout(() => component.child.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
    for (const { name } of this.#components.toReversed()) await this.stop(name);
    process.off("exit", this.#leaveNothing);
    this.#leaveNothing();
  }
}

/** Tries again for half a minute; throws what the last try said. */
export async function until<T>(what: string, attempt: () => T | Promise<T>, seconds = 30): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end)
        throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    await sleep(50);
  }
}
