import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Container, Pod, Probe } from "@knots/api/core/v1";
import { FakeClock, nullLogger } from "@knots/machinery";
import { runProbe } from "./probe-actions.ts";
import { Prober } from "./prober.ts";
import type { ProbeOutcome, ProbeResult } from "./types.ts";

const OK: ProbeOutcome = { result: "success", output: "" };
const BAD: ProbeOutcome = { result: "failure", output: "no" };

function podWith(probes: Partial<Container>): Pod {
  return {
    metadata: { name: "p", namespace: "ns", uid: "u" },
    spec: { containers: [{ name: "c", image: "i", ...probes }] },
  };
}

describe("Prober", () => {
  let clock: FakeClock;
  let events: string[];
  let verdicts: ProbeResult[];
  let runs: string[];
  let outcome: (probe: Probe) => ProbeOutcome | Error;
  let prober: Prober;
  const target = (id: string, startedAt = clock.now()): Parameters<Prober["updatePod"]>[1] => ({
    podIPs: ["10.0.0.1"],
    containers: new Map([["c", { id, startedAt }]]),
  });
  beforeEach(() => {
    clock = new FakeClock();
    events = [];
    verdicts = [];
    runs = [];
    outcome = () => OK;
    prober = new Prober({
      runtime: { execSync: () => Promise.reject(new Error("not asked")) },
      clock,
      logger: nullLogger,
      recorder: { event: (_object, _type, reason, message) => void events.push(`${reason}: ${message}`) },
      run: (_runtime, probe, _container, { containerID }) => {
        runs.push(`${probe.exec?.command?.[0] ?? "?"} ${containerID}`);
        const result = outcome(probe);
        return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
      },
    });
    prober.onResult((result) => verdicts.push(result));
  });
  const probe = (name: string, more: Probe = {}): Probe => ({ exec: { command: [name] }, ...more });

  test("waits for initialDelaySeconds, then runs each period", async () => {
    const pod = podWith({ readinessProbe: probe("r", { initialDelaySeconds: 5, periodSeconds: 2 }) });
    prober.addPod(pod);
    prober.updatePod(pod, target("1"));
    await clock.advance(4_999);
    expect(runs).toEqual([]);
    await clock.advance(1);
    expect(prober.resultFor("1", "readiness")).toBe(true);
    await clock.advance(4_000);
    expect(runs).toHaveLength(3);
    expect(verdicts).toHaveLength(1);
  });

  test("a liveness failure counts at its threshold and then waits for the next container", async () => {
    const pod = podWith({ livenessProbe: probe("l", { periodSeconds: 1, failureThreshold: 3 }) });
    outcome = () => BAD;
    prober.addPod(pod);
    prober.updatePod(pod, target("1"));
    await clock.advance(1_000);
    expect(prober.resultFor("1", "liveness")).toBeUndefined();
    await clock.advance(10_000);
    expect(runs).toHaveLength(3);
    expect(prober.resultFor("1", "liveness")).toBe(false);
    expect(events).toEqual(Array.from({ length: 3 }, () => "Unhealthy: Liveness probe failed: no"));
    outcome = () => OK;
    prober.updatePod(pod, target("2"));
    await clock.advance(0);
    expect(prober.resultFor("1", "liveness")).toBeUndefined();
    expect(prober.resultFor("2", "liveness")).toBe(true);
  });

  test("a startup probe holds the others back and ends with its success", async () => {
    const pod = podWith({
      startupProbe: probe("s", { periodSeconds: 1 }),
      readinessProbe: probe("r", { periodSeconds: 10 }),
    });
    outcome = (each) => (each.exec?.command?.[0] === "s" && clock.now() < begin + 3_000 ? BAD : OK);
    const begin = clock.now();
    prober.addPod(pod);
    prober.updatePod(pod, target("1"));
    await clock.advance(1_999);
    expect(runs).toEqual(["s 1", "s 1"]);
    await clock.advance(1_500);
    expect(runs).toEqual(["s 1", "s 1", "s 1"]);
    expect(prober.resultFor("1", "startup")).toBe(false);
    const next = podWith(pod.spec?.containers[0] ?? {});
    prober.updatePod(next, target("2"));
    await clock.advance(1);
    expect(runs.slice(3)).toEqual(["s 2", "r 2"]);
    await clock.advance(20_000);
    expect(runs.filter((run) => run === "s 2")).toHaveLength(1);
  });

  test("a run that could not be made counts for nothing and is told", async () => {
    const pod = podWith({ readinessProbe: probe("r", { periodSeconds: 1, failureThreshold: 1 }) });
    outcome = () => new Error("runtime is away");
    prober.addPod(pod);
    prober.updatePod(pod, target("1"));
    await clock.advance(2_000);
    expect(prober.resultFor("1", "readiness")).toBeUndefined();
    expect(events[0]).toBe("Unhealthy: Readiness probe errored and resulted in unknown state: runtime is away");
  });

  test("termination stops liveness at once and readiness with the pod", async () => {
    const pod = podWith({
      livenessProbe: probe("l", { periodSeconds: 1 }),
      readinessProbe: probe("r", { periodSeconds: 1 }),
    });
    prober.addPod(pod);
    prober.updatePod(pod, target("1"));
    await clock.advance(0);
    prober.stopLivenessAndStartup("u");
    runs.length = 0;
    await clock.advance(2_000);
    expect(new Set(runs)).toEqual(new Set(["r 1"]));
    prober.removePod("u");
    runs.length = 0;
    await clock.advance(2_000);
    expect(runs).toEqual([]);
  });
});

describe("probe actions", () => {
  let server: Server;
  let port: number;
  const seen: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      seen.push(`${request.headers["user-agent"]} ${String(request.headers["x-own"])}`);
      if (request.url === "/again") response.writeHead(302, { location: "/500" });
      else if (request.url === "/away") response.writeHead(302, { location: "http://192.0.2.1/" });
      else response.statusCode = Number(request.url?.slice(1));
      response.end("body");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", () => done()));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => void server.close());
  const execSync = (id: string, command: readonly string[]): ReturnType<Parameters<typeof runProbe>[0]["execSync"]> =>
    command[0] === "slow"
      ? Promise.reject(new Error("4 DEADLINE_EXCEEDED: timed out"))
      : Promise.resolve({ exitCode: Number(command[0]), stdout: Buffer.from("out "), stderr: Buffer.from(id) });
  const run = async (probe: Probe): Promise<ProbeOutcome> => {
    const container = { name: "c", image: "i", ports: [{ name: "http", containerPort: port }] };
    return await runProbe({ execSync }, probe, container, { containerID: "id", podIP: "127.0.0.1" });
  };

  test.each<[string, ProbeOutcome]>([
    ["/200", OK],
    ["/399", OK],
    ["/404", { result: "failure", output: "HTTP probe failed with statuscode: 404" }],
    ["/again", { result: "failure", output: "HTTP probe failed with statuscode: 500" }],
    ["/away", { result: "warning", output: "Probe terminated redirects" }],
  ])("GET %s", async (path, expected) => {
    expect(await run({ httpGet: { path, port: "http", httpHeaders: [{ name: "X-Own", value: "1" }] } })).toEqual(
      expected,
    );
    expect(seen.at(-1)).toBe("kube-probe/1.36 1");
  });
  test("nobody there", async () => {
    const closed = createServer();
    await new Promise<void>((done) => closed.listen(0, "127.0.0.1", () => done()));
    const free = (closed.address() as AddressInfo).port;
    await new Promise((done) => closed.close(done));
    const refused = `dial tcp 127.0.0.1:${free}: connect: connection refused`;
    expect(await run({ tcpSocket: { port: free } })).toEqual({ result: "failure", output: refused });
    const http = await run({ httpGet: { port: free } });
    expect(http.output).toBe(`Get "http://127.0.0.1:${free}/": ${refused}`);
    expect((await run({ grpc: { port: free } })).output).toContain("failed to connect service");
  });
  test("TCP and exec", async () => {
    expect(await run({ tcpSocket: { port: "http" } })).toEqual(OK);
    expect(await run({ exec: { command: ["0"] } })).toEqual({ result: "success", output: "out id" });
    expect(await run({ exec: { command: ["3"] } })).toEqual({ result: "failure", output: "out id" });
    expect((await run({ exec: { command: ["slow"] } })).output).toBe('command timed out: "slow" timed out after 1s');
  });
});
