// Starting a cluster, starting a Deployment, memory and CPU at rest. As root: node bench/first-light.ts
// Each figure stands beside a reference measured in the same run: the bare tools without Knots.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
const NAME = "bench";
const RUNS = 5;
const BUSYBOX = "docker.io/library/busybox:1.35";
const home = mkdtempSync(join(tmpdir(), "knots-bench-"));
const env: NodeJS.ProcessEnv = { ...process.env, KUBECONFIG: join(home, "kubeconfig") };
delete env["KNOTS_PREPARED"];

const run = (command: string, args: readonly string[], input = ""): string =>
  execFileSync(command, args, { cwd: ROOT, env, input, stdio: ["pipe", "pipe", "pipe"], encoding: "utf8" });
const knots = (...args: string[]): string => run("./knots", [...args, "--name", NAME]);
const timed = (work: () => unknown): number => {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
};
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/** Resident megabytes (10^6 bytes) of a process. */
const resident = (pid: number): number =>
  (Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024) / 1e6;
/** CPU seconds that a process has used: fields 14 and 15 of its stat, in hundredths. */
const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

function print(what: string, value: string, bar: string, reference: string): void {
  console.log(`${what.padEnd(46)} ${value.padStart(10)}   bar ${bar.padEnd(8)} ${reference}`);
}

interface Status {
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

const deployment = (name: string): string =>
  JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "main", image: "registry.k8s.io/pause:3.10" }] },
      },
    },
  });

async function main(): Promise<void> {
  run("./knots", ["--version"]);
  // Reference for the start: Node itself, twelve times, as many as a cluster starts processes and commands.
  const bareStart = median(
    Array.from({ length: RUNS }, () =>
      timed(() => {
        for (let i = 0; i < 12; i++) execFileSync(process.execPath, ["-e", "0"]);
      }),
    ),
  );
  const ups: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    if (i > 0) knots("down");
    ups.push(timed(() => knots("up")));
  }
  print(
    "up, installed, one node, to Ready",
    `${median(ups).toFixed(2)} s`,
    "5 s",
    `${(median(ups) / bareStart).toFixed(1)} x twelve bare Node starts (${bareStart.toFixed(2)} s)`,
  );

  await new Promise((done) => setTimeout(done, 8_000));
  const socket = join(
    env["XDG_DATA_HOME"] ?? join(process.env["HOME"] ?? "/root", ".local", "share"),
    "knots",
    NAME,
    "run",
    "node-1",
    "containerd.sock",
  );
  const bare: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    bare.push(
      timed(() => {
        for (const each of [1, 2, 3])
          run("ctr", ["-a", socket, "-n", "k8s.io", "run", "--rm", BUSYBOX, `bench-${i}-${each}`, "true"]);
      }),
    );
  }
  const ready: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const name = `bench-${i}`;
    ready.push(
      timed(() => {
        run("kubectl", ["apply", "-f", "-"], deployment(name));
        run("kubectl", ["wait", "--for=jsonpath={.status.readyReplicas}=3", `deployment/${name}`, "--timeout=60s"]);
      }),
    );
    run("kubectl", ["delete", "deployment", name]);
    run("kubectl", ["wait", "--for=delete", "pod", "-l", `app=${name}`, "--timeout=60s"]);
  }
  print(
    "apply of a 3-pod Deployment to all Ready",
    `${median(ready).toFixed(2)} s`,
    "3 s",
    `${(median(ready) / median(bare)).toFixed(1)} x three bare containers (${median(bare).toFixed(2)} s)`,
  );

  await new Promise((done) => setTimeout(done, 20_000));
  const { processes } = JSON.parse(knots("status", "--output", "json")) as Status;
  const ours = processes.filter(({ name }) => !name.startsWith("containerd"));
  const bareNode = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e9)"], { stdio: "ignore" });
  await new Promise((done) => setTimeout(done, 1_000));
  const one = resident(bareNode.pid ?? 0);
  bareNode.kill();
  const memory: number[] = [];
  const cpu: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const before = ours.map(({ pid }) => cpuSeconds(pid));
    await new Promise((done) => setTimeout(done, 10_000));
    cpu.push(ours.reduce((sum, { pid }, k) => sum + cpuSeconds(pid) - (before[k] ?? 0), 0) / 10);
    memory.push(ours.reduce((sum, { pid }) => sum + resident(pid), 0));
  }
  for (const { name, pid } of ours) console.log(`  ${name.padEnd(24)} ${resident(pid).toFixed(0).padStart(5)} MB`);
  print(
    "resident memory of our processes, idle",
    `${median(memory).toFixed(0)} MB`,
    "450 MB",
    `${(median(memory) / (one * ours.length)).toFixed(2)} x ${ours.length} bare Node processes (${one.toFixed(0)} MB each)`,
  );
  print("CPU of our processes, idle", `${(median(cpu) * 100).toFixed(1)} %`, "4 %", "of one core, over 10 s");
}

try {
  await main();
} finally {
  knots("down");
  rmSync(home, { recursive: true, force: true });
}
