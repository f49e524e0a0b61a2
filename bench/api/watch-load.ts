// One object updated again and again under 200 watchers, each a connection of its own; the watchers are a process of their own.
import { fork } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CONFIG_MAP } from "./bodies.ts";
import { call, startBare, TOKEN } from "./servers.ts";
import type { Knots } from "./servers.ts";

const WATCHERS = 200;
/** Updates under way at once: a controller, a kubelet and some clients write the same object. */
const WRITERS = 8;

export interface WatchMeasured {
  readonly eventsPerSecond: number;
  /** Milliseconds between the moment that the event names and its arrival. */
  readonly p99: number;
  /** Bytes of an event. */
  readonly bytes: number;
  readonly updatesPerSecond: number;
  /** Per second of the server's main thread. */
  readonly eventsPerCpuSecond: number;
}

async function watched(
  port: number,
  path: string,
): Promise<AsyncDisposable & { reset(): Promise<void>; report(): Promise<{ events: number; p99: number }> }> {
  const child = fork(join(import.meta.dirname, "watchers.ts"), [String(port), path, TOKEN, String(WATCHERS)]);
  const message = (): Promise<unknown> =>
    new Promise((done, fail) => {
      child.once("message", done);
      child.once("exit", (code) => fail(new Error(`the watchers ended with ${code}`)));
    });
  const ask = (command: string): Promise<unknown> => {
    const answer = message();
    child.send(command);
    return answer;
  };
  await message();
  return {
    reset: async () => void (await ask("reset")),
    report: async () => (await ask("report")) as { events: number; p99: number },
    async [Symbol.asyncDispose]() {
      child.removeAllListeners("exit");
      const ended = new Promise((done) => child.once("exit", done));
      child.disconnect();
      await ended;
    },
  };
}

const stamp = (): string => (performance.timeOrigin + performance.now()).toFixed(3);

/** `pace`: updates per second; without it as many as the server takes, which may be more than the watchers can read. */
export async function knotsWatch(
  knots: Knots,
  inside: string,
  seconds: number,
  pace = Number.POSITIVE_INFINITY,
): Promise<WatchMeasured> {
  const object = JSON.parse(CONFIG_MAP.replaceAll("%NAME%", "hot")) as { data: Record<string, string> };
  const body = (): string => JSON.stringify({ ...object, data: { sent: stamp(), ...object.data } });
  const url = `${inside}/configmaps/hot`;
  if ((await call(url)).status === 404) await call(`${inside}/configmaps`, "POST", body());
  const bytes = Buffer.byteLength((await call(url)).body) + Buffer.byteLength('{"type":"MODIFIED","object":}\n');
  const path = `${new URL(inside).pathname}/configmaps?watch=1&fieldSelector=metadata.name%3Dhot`;
  await using watchers = await watched(knots.port, path);
  let updates = 0;
  let stop = false;
  const started = performance.now();
  let sent = 0;
  const writer = async (): Promise<void> => {
    while (!stop) {
      const early = started + (sent++ / pace) * 1000 - performance.now();
      if (early > 0) await sleep(early);
      const { status, body: text } = await call(url, "PUT", body());
      if (status !== 200) throw new Error(`PUT ${url}: ${status} ${text}`);
      updates++;
    }
  };
  const writers = Promise.all(Array.from({ length: WRITERS }, writer));
  await sleep(300);
  await watchers.reset();
  updates = 0;
  const [began, cpu] = [performance.now(), knots.cpuSeconds()];
  await sleep(seconds * 1000);
  const spent = knots.cpuSeconds() - cpu;
  const { events, p99 } = await watchers.report();
  const eventsPerCpuSecond = events / spent;
  const elapsed = (performance.now() - began) / 1000;
  const updatesPerSecond = updates / elapsed;
  stop = true;
  await writers;
  return { eventsPerSecond: events / elapsed, p99, bytes, updatesPerSecond, eventsPerCpuSecond };
}

/** The same bytes, written to as many open answers by a bare server as fast as they are taken. */
export async function bareWatch(dir: string, bytes: number, seconds: number): Promise<WatchMeasured> {
  await using bare = await startBare(dir, bytes);
  await using watchers = await watched(bare.port, "/watch");
  bare.writeToWatchers();
  await sleep(300);
  await watchers.reset();
  const [began, cpu] = [performance.now(), bare.cpuSeconds()];
  await sleep(seconds * 1000);
  const spent = bare.cpuSeconds() - cpu;
  const { events, p99 } = await watchers.report();
  const eventsPerCpuSecond = events / spent;
  const elapsed = (performance.now() - began) / 1000;
  return {
    eventsPerSecond: events / elapsed,
    p99,
    bytes,
    updatesPerSecond: events / elapsed / WATCHERS,
    eventsPerCpuSecond,
  };
}
