// The API server's speed and memory: node bench/api.ts [PART...]. Wants wrk and openssl. Each figure stands beside what a bare
// node:https server does under the same load in the same run: on a shared machine the ratio says more than the figure.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFIG_MAP, POD } from "./api/bodies.ts";
import { call, prepare, startBare, startKnots, TOKEN } from "./api/servers.ts";
import type { Knots } from "./api/servers.ts";
import { bareWatch, knotsWatch } from "./api/watch-load.ts";
import type { WatchMeasured } from "./api/watch-load.ts";
import { wrk } from "./api/wrk.ts";
import type { Load, Measured } from "./api/wrk.ts";

const RUNS = Number(process.env["RUNS"] ?? 5);
const SECONDS = Number(process.env["SECONDS"] ?? 2);
const PODS = Number(process.env["PODS"] ?? 10_000);
const HEADERS = { authorization: `Bearer ${TOKEN}`, accept: "application/json" };
/** Updates per second: with 200 watchers a little more than the bar of the events. */
const PACE = 425;
const home = mkdtempSync(join(tmpdir(), "knots-bench-api-"));

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const whole = (value: number): string => Math.round(value).toLocaleString("en");
const mega = (bytes: number): string => `${whole(bytes / 1e6)} MB`;

function print(what: string, value: string, bar: string, met: boolean, more: string): void {
  console.log(`${met ? "  " : "! "}${what.padEnd(40)} ${value.padStart(14)}   bar ${bar.padEnd(10)} ${more}`);
}

async function must(url: string, method: string, body: string): Promise<void> {
  const { status, body: text } = await call(url, method, body);
  if (status >= 300) throw new Error(`${method} ${url}: ${status} ${text}`);
}

/** A namespace as controllers would have made it ready: with its ServiceAccount. */
async function namespace(knots: Knots, name: string): Promise<string> {
  await must(`${knots.url}/api/v1/namespaces`, "POST", JSON.stringify({ metadata: { name } }));
  const inside = `${knots.url}/api/v1/namespaces/${name}`;
  await must(`${inside}/serviceaccounts`, "POST", JSON.stringify({ metadata: { name: "default" } }));
  return inside;
}

async function fill(knots: Knots): Promise<string> {
  const inside = await namespace(knots, "bench");
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < PODS) {
      const name = `web-6d4cf56db6-${String(next++).padStart(5, "0")}`;
      await must(`${inside}/pods`, "POST", POD.replaceAll("%NAME%", name));
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return inside;
}

/** Runs of both servers in turn, so that a busy machine is busy for both. */
async function compare(server: Knots, load: Load, size: number): Promise<{ knots: Measured[]; bare: Measured[] }> {
  await using reference = await startBare(home, size);
  const knots: Measured[] = [];
  const bare: Measured[] = [];
  // One that is not counted: what a server does all day is compiled by then.
  await wrk({ ...load, url: `${reference.url}/` }, reference);
  await wrk({ ...load, headers: { ...HEADERS, ...load.headers } }, server);
  for (let run = 0; run < RUNS; run++) {
    bare.push(await wrk({ ...load, url: `${reference.url}/` }, reference));
    const measured = await wrk({ ...load, headers: { ...HEADERS, ...load.headers } }, server);
    if (measured.errors > 0) throw new Error(`${load.url}: ${measured.errors} errors`);
    knots.push(measured);
  }
  return { knots, bare };
}

type Figure = Exclude<keyof Measured, "errors">;
const mid = (runs: readonly Measured[], figure: Figure): number => median(runs.map((run) => run[figure]));

async function ratio(knots: Knots, what: string, unit: "requests" | "bytes", bar: number, load: Load): Promise<void> {
  const size = Buffer.byteLength((await call(load.url)).body);
  const runs = await compare(knots, load, size);
  const share = (figure: Figure): number =>
    median(runs.knots.map((run, i) => run[figure] / (runs.bare[i]?.[figure] ?? NaN))) * 100;
  const shown = (figure: number): string => (unit === "bytes" ? mega(figure) : whole(figure));
  print(
    what,
    `${share(`${unit}PerSecond`).toFixed(1)} %`,
    `${bar * 100} %`,
    share(`${unit}PerSecond`) >= bar * 100,
    `${shown(mid(runs.knots, `${unit}PerSecond`))}/s of the bare server's ${shown(mid(runs.bare, `${unit}PerSecond`))}/s; by its CPU time ` +
      `${share(`${unit}PerCpuSecond`).toFixed(1)} % (${shown(mid(runs.knots, `${unit}PerCpuSecond`))} of ${shown(mid(runs.bare, `${unit}PerCpuSecond`))}); ` +
      `${whole(size)} bytes; p99 ${mid(runs.knots, "p99").toFixed(1)} ms`,
  );
}

async function creates(knots: Knots, what: string, bar: number, resource: string, body: string): Promise<void> {
  const inside = await namespace(knots, `create-${resource}`);
  const { body: first } = await call(`${inside}/${resource}`, "POST", body.replaceAll("%NAME%", "first"));
  const load = { url: `${inside}/${resource}`, connections: 16, seconds: SECONDS, body };
  const runs = await compare(knots, load, Buffer.byteLength(first));
  const rate = mid(runs.knots, "requestsPerSecond");
  const best = Math.max(...runs.knots.map((run) => run.requestsPerSecond));
  print(
    what,
    `${whole(rate)}/s`,
    `${whole(bar)}/s`,
    rate >= bar,
    `best ${whole(best)}/s, ${whole(mid(runs.knots, "requestsPerCpuSecond"))} by CPU time; a bare server that stores nothing ` +
      `${whole(mid(runs.bare, "requestsPerSecond"))}/s; ${body.length} bytes in, ${first.length} out; p99 ${mid(runs.knots, "p99").toFixed(1)} ms`,
  );
}

async function reads(): Promise<void> {
  await using knots = await startKnots(join(home, "reads"), true);
  const inside = await fill(knots);
  const filled = knots.resident();
  const one = { url: `${inside}/pods/web-6d4cf56db6-00042`, connections: 16, seconds: SECONDS };
  if (wanted("get")) await ratio(knots, "GET of a pod", "requests", 0.4, one);
  if (wanted("list-500")) {
    await ratio(knots, "LIST of 500 pods (limit=500)", "bytes", 0.5, {
      ...one,
      url: `${inside}/pods?limit=500`,
      connections: 4,
    });
  }
  if (wanted("list-10000")) {
    await knots.longestHold();
    await ratio(knots, "LIST of 10,000 pods", "bytes", 0.5, { ...one, url: `${inside}/pods`, connections: 2 });
    const hold = await knots.longestHold();
    print(
      "longest hold of the event loop meanwhile",
      `${hold.cpu.toFixed(1)} ms`,
      "20 ms",
      hold.cpu <= 20,
      `by the thread's CPU time; ${hold.clock.toFixed(1)} ms by the clock`,
    );
  }
  if (wanted("memory")) {
    print(
      "resident memory, 10,000 pods",
      mega(knots.resident() * 1e6),
      "350 MB",
      knots.resident() <= 350,
      `${mega(filled * 1e6)} when the pods had just been created`,
    );
  }
}

async function starts(): Promise<void> {
  const empty: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    await using knots = await startKnots(join(home, `empty-${run}`));
    empty.push(knots.startSeconds);
  }
  print(
    "start to /readyz, empty store",
    `${median(empty).toFixed(2)} s`,
    "0.7 s",
    median(empty) <= 0.7,
    `best ${Math.min(...empty).toFixed(2)} s`,
  );
  const dir = join(home, "full");
  {
    await using knots = await startKnots(dir);
    await fill(knots);
  }
  const full: number[] = [];
  const memory: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    await using knots = await startKnots(dir);
    full.push(knots.startSeconds);
    memory.push(knots.resident());
  }
  print(
    "start to /readyz, 10,000 pods",
    `${median(full).toFixed(2)} s`,
    "1.5 s",
    median(full) <= 1.5,
    `best ${Math.min(...full).toFixed(2)} s; ${whole(median(memory))} MB resident then`,
  );
}

async function watch(): Promise<void> {
  const runs: Record<"knots" | "paced" | "bare", WatchMeasured>[] = [];
  await using knots = await startKnots(join(home, "watch"));
  const inside = await namespace(knots, "watch");
  // Not counted, as above.
  await knotsWatch(knots, inside, SECONDS);
  for (let run = 0; run < RUNS; run++) {
    const measured = await knotsWatch(knots, inside, SECONDS);
    const paced = await knotsWatch(knots, inside, SECONDS, PACE);
    runs.push({ knots: measured, paced, bare: await bareWatch(home, measured.bytes, SECONDS) });
  }
  const rate = median(runs.map((run) => run.knots.eventsPerSecond));
  const p99 = median(runs.map((run) => run.knots.p99));
  const bare = median(runs.map((run) => run.bare.eventsPerSecond));
  print(
    "events to 200 watchers of one object",
    `${whole(rate)}/s`,
    "80,000/s",
    rate >= 80_000,
    `best ${whole(Math.max(...runs.map((run) => run.knots.eventsPerSecond)))}/s; ${((rate / bare) * 100).toFixed(0)} % of a bare server's ${whole(bare)}/s, by CPU time ${whole(median(runs.map((run) => run.knots.eventsPerCpuSecond)))} of ${whole(median(runs.map((run) => run.bare.eventsPerCpuSecond)))} (${runs[0]?.knots.bytes} bytes; ${whole(median(runs.map((run) => run.knots.updatesPerSecond)))} updates/s)`,
  );
  const paced = median(runs.map((run) => run.paced.p99));
  const pacedRate = median(runs.map((run) => run.paced.eventsPerSecond));
  print(
    "p99 from the update's sending to its event",
    `${p99.toFixed(1)} ms`,
    "100 ms",
    p99 <= 100,
    `at the rate above, which the watchers' own process may not keep up with; ${paced.toFixed(1)} ms at ${whole(pacedRate)}/s`,
  );
}

async function writes(): Promise<void> {
  await using knots = await startKnots(join(home, "writes"));
  if (wanted("create-pods")) await creates(knots, "create pods, 16 connections, durable", 2600, "pods", POD);
  if (wanted("create-configmaps"))
    await creates(knots, "create ConfigMaps, 16 connections, durable", 4600, "configmaps", CONFIG_MAP);
}

const READS = ["get", "list-500", "list-10000", "memory"];
const WRITES = ["create-pods", "create-configmaps"];
const PARTS = [...READS, ...WRITES, "watch", "start"];
const chosen = process.argv.slice(2);
const wanted = (part: string): boolean => chosen.length === 0 || chosen.includes(part);

const unknown = chosen.find((part) => !PARTS.includes(part));
if (unknown !== undefined) {
  console.error(`there is no part ${unknown}; parts: ${PARTS.join(", ")}`);
  process.exit(1);
}
prepare();
try {
  if (READS.some(wanted)) await reads();
  if (WRITES.some(wanted)) await writes();
  if (wanted("watch")) await watch();
  if (wanted("start")) await starts();
} finally {
  rmSync(home, { recursive: true, force: true });
}
process.exit();
