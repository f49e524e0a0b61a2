import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Pod } from "@knots/api/core/v1";
import { FakeClock } from "@knots/machinery";
import * as pb from "../generated/cri.ts";
import { SimulatedRuntime } from "../cri/simulated.ts";
import type { RuntimeContainer } from "../runtime/types.ts";
import { readCgroupUsage } from "./cgroup-usage.ts";
import { CpuRates } from "./cpu-rates.ts";
import { machineUsage, networkUsage } from "./machine-usage.ts";
import { cadvisorMetrics, resourceMetrics } from "./prometheus.ts";
import { StatsProvider } from "./stats-provider.ts";
import type { NodeFigures } from "./stats-provider.ts";
import { summaryOf } from "./summary.ts";

describe("a cgroup", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "knots-cgroup-"));
  });
  afterEach(() => rm(dir, { recursive: true }));
  const put = async (files: Record<string, string>): Promise<void> => {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(join(dir, file, ".."), { recursive: true });
      await writeFile(join(dir, file), text);
    }
  };

  test("of version 2", async () => {
    await put({
      "pod/cpu.stat": "usage_usec 2500\nuser_usec 2000\n",
      "pod/memory.current": "1000\n",
      "pod/memory.stat": "anon 300\nfile 500\ninactive_file 400\npgfault 7\npgmajfault 1\n",
      "pod/memory.max": "2000\n",
    });
    expect(await readCgroupUsage({ version: 2, mount: dir }, "/pod", 5)).toEqual({
      at: 5,
      cpuNanoseconds: 2_500_000,
      memory: {
        usageBytes: 1000,
        workingSetBytes: 600,
        availableBytes: 1400,
        rssBytes: 300,
        pageFaults: 7,
        majorPageFaults: 1,
      },
    });
    await put({ "pod/memory.max": "max\n" });
    const unlimited = await readCgroupUsage({ version: 2, mount: dir }, "/pod", 5);
    expect(unlimited?.memory?.availableBytes).toBeUndefined();
  });

  test("of version 1, each controller in its own place", async () => {
    await put({
      "cpu/pod/cpuacct.usage": "123456\n",
      "memory/pod/memory.usage_in_bytes": "1000\n",
      "memory/pod/memory.stat": "inactive_file 1\ntotal_inactive_file 1200\ntotal_rss 300\ntotal_pgfault 7\n",
      "memory/pod/memory.limit_in_bytes": "9223372036854771712\n",
    });
    const mounts = new Map([
      ["cpuacct", join(dir, "cpu")],
      ["memory", join(dir, "memory")],
    ]);
    expect(await readCgroupUsage({ version: 1, mounts }, "/pod", 5)).toMatchObject({
      cpuNanoseconds: 123_456,
      memory: { usageBytes: 1000, workingSetBytes: 0, availableBytes: undefined, rssBytes: 300, pageFaults: 7 },
    });
  });

  test("that is not there", async () => {
    expect(await readCgroupUsage({ version: 2, mount: dir }, "/none", 5)).toBeUndefined();
    expect(await readCgroupUsage({ version: 1, mounts: new Map() }, "/none", 5)).toBeUndefined();
  });
});

test("the machine: busy time of all processors, memory that is worked with", () => {
  const stat = "cpu  100 20 30 4000 500 6 7 8 9 10\ncpu0 1 2 3\n";
  const meminfo = "MemTotal: 1000 kB\nMemFree: 400 kB\nInactive(file): 100 kB\nAnonPages: 50 kB\n";
  expect(machineUsage(stat, meminfo, "pgfault 3\npgmajfault 2\n", 1)).toEqual({
    at: 1,
    cpuNanoseconds: 171 * 10_000_000,
    memory: {
      usageBytes: 600 * 1024,
      workingSetBytes: 500 * 1024,
      availableBytes: 500 * 1024,
      rssBytes: 50 * 1024,
      pageFaults: 3,
      majorPageFaults: 2,
    },
  });
});

test("interfaces but the loopback", () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
  eth0:2000 20 1 0 0 0 0 0 3000 30 2 0 0 0 0 0
`;
  expect(networkUsage(text)).toEqual([{ name: "eth0", rxBytes: 2000, rxErrors: 1, txBytes: 3000, txErrors: 2 }]);
});

test("cores in use are counted from one reading to the next", () => {
  const rates = new CpuRates();
  expect(rates.rate("a", { at: 1000, cpuNanoseconds: 0 })).toBeUndefined();
  expect(rates.rate("a", { at: 2000, cpuNanoseconds: 5e8 })).toBe(5e8);
  expect(rates.rate("a", { at: 2100, cpuNanoseconds: 6e8 })).toBe(5e8);
  expect(rates.rate("a", { at: 3000, cpuNanoseconds: 1e9 })).toBe(5e8);
  expect(rates.rate("a", { at: 4000, cpuNanoseconds: 0 })).toBeUndefined();
  rates.sweep();
  rates.sweep();
  expect(rates.rate("a", { at: 5000, cpuNanoseconds: 5 })).toBeUndefined();
});

describe("a simulated node", () => {
  const pod: Pod = {
    metadata: { name: "p", namespace: "ns", uid: "u" },
    spec: { containers: [{ name: "c", image: "i" }] },
    status: { startTime: "2026-01-01T00:00:00Z" },
  };
  let clock: FakeClock;
  let provider: StatsProvider;
  beforeEach(async () => {
    clock = new FakeClock(Date.UTC(2026, 0, 1));
    const cri = new SimulatedRuntime({ clock });
    const sandbox = pb.PodSandboxConfig.create({ metadata: { name: "p", namespace: "ns", uid: "u" } });
    const sandboxID = await cri.runtime.runPodSandbox(sandbox, "");
    const config = pb.ContainerConfig.create({
      metadata: { name: "c" },
      linux: { resources: { cpuShares: 256n, memoryLimitInBytes: 2_000_000n } },
    });
    const id = await cri.runtime.createContainer(sandboxID, config, sandbox);
    await cri.runtime.startContainer(id);
    const container = { id, name: "c", image: "i", state: "running", startedAt: clock.now(), logPath: "" };
    provider = new StatsProvider({
      cri,
      clock,
      rootDir: tmpdir(),
      cgroupRoot: "/",
      layout: undefined,
      simulated: true,
      pods: () => [pod],
      runtimeStatus: () => ({
        uid: "u",
        name: "p",
        namespace: "ns",
        sandboxes: [],
        containers: [container as unknown as RuntimeContainer],
      }),
    });
  });

  /** Ten seconds after the first reading. */
  async function figures(): Promise<NodeFigures> {
    await provider.figures();
    await clock.advance(10_000);
    return await provider.figures();
  }

  test("has used what its containers have", async () => {
    const { usage, pods } = await figures();
    expect(pods[0]?.containers[0]).toMatchObject({ name: "c", nanoCores: 2.5e8 });
    expect(usage.cpuNanoseconds).toBeCloseTo(2.5e9, -4);
    expect(usage.memory?.workingSetBytes).toBe(1_000_000);
  });

  test("is read once for all who ask at a time", async () => {
    const first = provider.figures();
    expect(provider.figures()).toBe(first);
    await first;
    await clock.advance(1000);
    expect(provider.figures()).not.toBe(first);
  });

  test("in a Summary", async () => {
    const summary = summaryOf("n", await figures(), false);
    expect(summary).toMatchObject({
      node: { nodeName: "n", memory: { workingSetBytes: 1_000_000 }, fs: { capacityBytes: expect.any(Number) } },
      pods: [
        {
          podRef: { name: "p", namespace: "ns", uid: "u" },
          startTime: "2026-01-01T00:00:00Z",
          containers: [
            {
              name: "c",
              cpu: { time: "2026-01-01T00:00:10Z", usageNanoCores: 2.5e8 },
              memory: { workingSetBytes: 1_000_000 },
            },
          ],
        },
      ],
    });
    expect(summaryOf("n", await figures(), true)).not.toHaveProperty("node.fs");
  });

  test("for Prometheus", async () => {
    const now = Date.UTC(2026, 0, 1) + 10_000;
    const text = resourceMetrics(await figures());
    expect(text).toMatch(
      new RegExp(`^container_cpu_usage_seconds_total\\{container="c",namespace="ns",pod="p"\\} 2\\.5\\d* ${now}$`, "m"),
    );
    expect(text).toContain(`container_memory_working_set_bytes{container="c",namespace="ns",pod="p"} 1000000 ${now}\n`);
    expect(text).toContain(`node_memory_working_set_bytes 1000000 ${now}\n`);
    expect(text).toContain("resource_scrape_error 0\n");
    expect(cadvisorMetrics(await figures())).toMatch(
      /^container_memory_working_set_bytes\{container="c",id="\/kubepods\/podu\/\w+",image="i",name="\w+",namespace="ns",pod="p"\} 1000000 \d+$/m,
    );
  });
});
