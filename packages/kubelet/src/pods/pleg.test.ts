import { type Clock, nullLogger } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { SimulatedRuntime } from "../cri/simulated.ts";
import { ContainerConfig, PodSandboxConfig } from "../generated/cri.ts";
import { LABEL_CONTAINER_NAME, LABEL_POD_NAME, LABEL_POD_NAMESPACE, LABEL_POD_UID } from "../runtime/labels.ts";
import { PodReader } from "../runtime/pod-cache.ts";
import { Pleg } from "./pleg.ts";

const labels = { [LABEL_POD_UID]: "u", [LABEL_POD_NAME]: "p", [LABEL_POD_NAMESPACE]: "d" };

function set() {
  let now = 1_000;
  const timers: (() => void)[] = [];
  const clock = {
    now: () => now,
    monotonic: () => now,
    setTimeout: (fn: () => void) => {
      timers.push(fn);
      return { cancel: () => undefined };
    },
  } as unknown as Clock;
  const cri = new SimulatedRuntime({ clock });
  let calls = 0;
  const counted = new Proxy(cri.runtime, {
    get: (target, name) => {
      calls += 1;
      return Reflect.get(target, name) as unknown;
    },
  });
  const changes: string[] = [];
  const pleg = new Pleg({
    reader: new PodReader(counted, { read: () => Promise.resolve("") }),
    clock,
    logger: nullLogger,
    onChange: (uid) => void changes.push(uid),
  });
  const start = async (): Promise<string> => {
    const sandbox = await cri.runtime.runPodSandbox(
      PodSandboxConfig.create({ metadata: { name: "p", uid: "u" }, labels }),
      "",
    );
    const config = ContainerConfig.create({
      metadata: { name: "a" },
      labels: { ...labels, [LABEL_CONTAINER_NAME]: "a" },
    });
    const id = await cri.runtime.createContainer(sandbox, config, PodSandboxConfig.create());
    await cri.runtime.startContainer(id);
    return id;
  };
  return { pleg, cri, changes, start, calls: () => calls, advance: (ms: number) => void (now += ms) };
}

describe("Pleg", () => {
  it("tells of what changed, once, and asks for two lists only when nothing did", async () => {
    const { pleg, cri, changes, start, calls } = set();
    const id = await start();
    await pleg.relist();
    expect(changes).toEqual(["u"]);
    const before = calls();
    await pleg.relist();
    expect(calls() - before).toBe(2);
    await cri.runtime.stopContainer(id, 1);
    await pleg.relist();
    expect(changes).toEqual(["u", "u"]);
    expect(pleg.pods.get("u")?.containers[0]).toMatchObject({ state: "exited", exitCode: 0 });
  });

  it("tells of pods that are gone", async () => {
    const { pleg, cri, changes, start } = set();
    await start();
    await pleg.relist();
    for (const sandbox of await cri.runtime.listPodSandbox()) await cri.runtime.removePodSandbox(sandbox.id);
    await pleg.relist();
    expect(changes).toEqual(["u", "u"]);
    expect(pleg.pods.size).toBe(0);
  });

  it("says nothing of what a worker has seen for itself", async () => {
    const { pleg, changes, start } = set();
    await start();
    expect((await pleg.refresh({ uid: "u", name: "p", namespace: "d" })).containers).toHaveLength(1);
    await pleg.relist();
    expect(changes).toEqual([]);
  });

  it("is not healthy before the first relist, nor three minutes after the last", async () => {
    const { pleg, advance } = set();
    expect(pleg.problem()).toBe("PLEG is not healthy: pleg has yet to be successful");
    await pleg.relist();
    expect(pleg.problem()).toBeUndefined();
    advance(200_000);
    expect(pleg.problem()).toBe("PLEG is not healthy: pleg was last seen active 200s ago; threshold is 3m0s");
  });
});
