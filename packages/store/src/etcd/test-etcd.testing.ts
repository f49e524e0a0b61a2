// An etcd for tests: one member on loopback, its data in memory where the machine has a place for that.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether etcd is on this machine (Debian: etcd-server). */
export const ETCD_INSTALLED = spawnSync("etcd", ["--version"], { stdio: "ignore" }).status === 0;

/** A quick election: the only member waits for nobody. */
const ELECTION = ["--heartbeat-interval=10", "--election-timeout=60"];

export class TestEtcd implements AsyncDisposable {
  readonly endpoint: string;
  readonly #dir: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(endpoint: string, dir: string, args: readonly string[]) {
    this.endpoint = endpoint;
    this.#dir = dir;
    this.#args = args;
  }

  /** `tls` are paths of PEM files. */
  static async start(tls?: { cert: string; key: string; ca: string }): Promise<TestEtcd> {
    const base = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
    const dir = mkdtempSync(join(base, "knots-etcd-"));
    const [client, peer] = await freePorts();
    const scheme = tls === undefined ? "http" : "https";
    const endpoint = `${scheme}://127.0.0.1:${client ?? 0}`;
    const peerUrl = `http://127.0.0.1:${peer ?? 0}`;
    const etcd = new TestEtcd(endpoint, dir, [
      "--name=test",
      `--data-dir=${join(dir, "data")}`,
      `--listen-client-urls=${endpoint}`,
      `--advertise-client-urls=${endpoint}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=test=${peerUrl}`,
      "--logger=zap",
      "--log-level=error",
      ...(tls === undefined
        ? []
        : [`--cert-file=${tls.cert}`, `--key-file=${tls.key}`, `--trusted-ca-file=${tls.ca}`, "--client-cert-auth"]),
      ...ELECTION,
    ]);
    etcd.run();
    return etcd;
  }

  /** Starts the member, again after `kill`. */
  run(): void {
    this.#process = spawn("etcd", this.#args, { stdio: "ignore" });
  }

  /** Ends the member at once, without a word to anybody; its data stays. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  /** Lets the member neither answer nor go: its connections stay open. */
  freeze(frozen: boolean): void {
    this.#process?.kill(frozen ? "SIGSTOP" : "SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

async function freePorts(): Promise<number[]> {
  const servers = await Promise.all(
    [0, 1].map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer();
          server.listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
