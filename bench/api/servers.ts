// The two servers that are compared, each a process of its own.
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = resolve(import.meta.dirname, "../..");
export const TOKEN = "bench-token";

const agent = new Agent({ keepAlive: true, maxSockets: 32, rejectUnauthorized: false });

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export function call(url: string, method = "GET", body?: string): Promise<Answer> {
  return new Promise((done, fail) => {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const sent = request(url, { agent, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.once("end", () => done({ status: response.statusCode ?? 0, body: text }));
      response.once("error", fail);
    });
    sent.once("error", fail);
    sent.end(body);
  });
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });
}

/** Seconds that a process's main thread (where JavaScript runs) was on a processor: unlike the clock, it does not count what others took. */
function mainThreadSeconds(pid: number | undefined): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e9;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((done) => child.once("close", done));
  child.kill();
  await closed;
}

export interface Hold {
  readonly clock: number;
  /** By the thread's CPU time: what others took of the processor is not in it. */
  readonly cpu: number;
}

export interface Knots extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Seconds from the command to /readyz. */
  readonly startSeconds: number;
  cpuSeconds(): number;
  /** Resident megabytes (10^6 bytes). */
  resident(): number;
  /** Milliseconds for which the event loop was held at most since this was last asked. */
  longestHold(): Promise<Hold>;
}

/** Brings what is missing and builds, so that no measured start does. */
export function prepare(): void {
  execFileSync("./knots", ["--version"], { cwd: ROOT });
}

/** `./knots apiserver` on an lmdb store in `dir`, which may hold objects already; with the event loop's probe when asked for. */
export async function startKnots(dir: string, probed = false): Promise<Knots> {
  mkdirSync(dir, { recursive: true });
  const tokens = join(dir, "tokens.csv");
  const hold = join(dir, "hold.json");
  writeFileSync(tokens, `${TOKEN},bench,1,"system:masters"\n`);
  const port = await freePort();
  const probe = { NODE_OPTIONS: `--import=${join(import.meta.dirname, "loop-probe.ts")}`, LOOP_PROBE: hold };
  const began = performance.now();
  const child = spawn(
    "./knots",
    [
      "apiserver",
      "--data-dir",
      dir,
      "--secure-port",
      String(port),
      "--token-auth-file",
      tokens,
      "--bind-address",
      "127.0.0.1",
    ],
    {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, ...(probed ? probe : {}) },
    },
  );
  const url = `https://127.0.0.1:${port}`;
  for (;;) {
    const ready = await call(`${url}/readyz`).catch(() => undefined);
    if (ready?.status === 200) break;
    if (child.exitCode !== null) throw new Error(`./knots apiserver ended with ${child.exitCode}`);
    if (performance.now() - began > 30_000) throw new Error("./knots apiserver was not ready in 30 s");
    await sleep(5);
  }
  const startSeconds = (performance.now() - began) / 1000;
  return {
    url,
    port,
    startSeconds,
    cpuSeconds: () => mainThreadSeconds(child.pid),
    resident() {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return (Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? NaN) * 1024) / 1e6;
    },
    async longestHold() {
      rmSync(hold, { force: true });
      child.kill("SIGUSR2");
      for (let i = 0; i < 200; i++) {
        await sleep(10);
        try {
          return JSON.parse(readFileSync(hold, "utf8")) as Hold;
        } catch {
          // Not written yet.
        }
      }
      throw new Error("the event loop's probe did not answer");
    },
    [Symbol.asyncDispose]: () => end(child),
  };
}

export interface Bare extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  cpuSeconds(): number;
  /** Begins to write to all who asked for /watch. */
  writeToWatchers(): void;
}

/** A bare node:https server that answers everything with `size` bytes. `dir` keeps its certificate. */
export async function startBare(dir: string, size: number): Promise<Bare> {
  const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-nodes", "-subj", "/CN=bare", "-keyout", key, "-out", cert], {
    stdio: "ignore",
  });
  const child = spawn(process.execPath, [join(import.meta.dirname, "bare-server.ts"), dir, String(size)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<number>((done) =>
    child.stdout.once("data", (line: Buffer) => done(Number(line.toString()))),
  );
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    cpuSeconds: () => mainThreadSeconds(child.pid),
    writeToWatchers: () => void child.kill("SIGUSR2"),
    [Symbol.asyncDispose]: () => end(child),
  };
}
