// What choosing nodes alone costs, without API server and network: CPU time a pod, which other load on the machine leaves alone.
import { nullLogger, RealClock } from "@knots/machinery";
import { Cache } from "@knots/scheduler/cache/cache";
import { buildProfile } from "@knots/scheduler/default-profile";
import { CycleState } from "@knots/scheduler/framework/cycle-state";
import type { Handle, Listers } from "@knots/scheduler/framework/handle";
import { podInfo } from "@knots/scheduler/framework/pod-info";
import { ClaimCache } from "@knots/scheduler/plugins/dynamic-resources/claim-cache";
import { DeviceSelectors } from "@knots/scheduler/plugins/dynamic-resources/device-selector";
import { PoolIndex } from "@knots/scheduler/plugins/dynamic-resources/pools";
import { Nominator } from "@knots/scheduler/queue/nominator";
import { PodPlacer } from "@knots/scheduler/schedule-pod";
import { bareNode, benchPod, type PodShape } from "./load.ts";
import { print, summarize } from "./report.ts";

const listers: Listers = {
  namespaceLabels: () => ({}),
  claim: () => undefined,
  volume: () => undefined,
  volumes: () => [],
  storageClass: () => undefined,
  csiNode: () => undefined,
  csiDriver: () => undefined,
  storageCapacities: () => [],
  budgets: () => [],
  defaultSelector: () => undefined,
  dynamicResources: {
    claims: new ClaimCache(),
    selectors: new DeviceSelectors(),
    deviceClass: () => undefined,
    classOfResource: () => undefined,
    pools: () => new PoolIndex([]),
  },
};

/** Microseconds of CPU that `work` takes. */
function cpuOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Milliseconds of CPU for each of so many pods, from the pod to the node it is assumed on. */
function placeAll(nodes: number, pods: number, shape: PodShape): number {
  const cache = new Cache();
  for (let i = 0; i < nodes; i++) cache.setNode(bareNode(i));
  const handle = {
    schedulerName: "default-scheduler",
    clock: new RealClock(),
    logger: nullLogger,
    listers,
    nominator: new Nominator(),
    snapshot: () => cache.snapshot(),
    // Nothing is bound or told here.
  } as unknown as Handle;
  const profile = buildProfile(handle, { schedulerName: "default-scheduler" });
  const placer = new PodPlacer();
  const micros = cpuOf(() => {
    for (let i = 0; i < pods; i++) {
      const pod = benchPod(`pod-${i}`, shape);
      const info = podInfo({ ...pod, metadata: { ...pod.metadata, namespace: "default", uid: String(i) } });
      const placed = placer.place(profile, new CycleState(), info);
      if (placed instanceof Promise || placed.kind !== "placed") throw new Error(`pod ${i} was not placed`);
      cache.assume(info, placed.nodeName);
    }
  });
  return micros / 1000 / pods;
}

/** `pods` a second are the bar of the whole; choosing nodes may take half of a core at that rate. */
export function placementCase(
  name: string,
  { nodes, pods, shape, bar }: { nodes: number; pods: number; shape: PodShape; bar: number },
  runs: number,
): void {
  const figures = Array.from({ length: runs }, () => placeAll(nodes, pods, shape));
  // What a program does for a pod at the least: write it as JSON and read it.
  const text = JSON.stringify(benchPod("pod", shape));
  const json = cpuOf(() => {
    for (let i = 0; i < 10_000; i++) JSON.stringify(JSON.parse(text));
  });
  print({
    what: `placement of ${name}: ${pods} pods on ${nodes} nodes`,
    ...summarize(figures, "ms CPU a pod", "least"),
    bar: `<= ${(500 / bar).toFixed(2)}`,
    reference: (value) => `${((value * 1000) / (json / 10_000)).toFixed(0)} x reading and writing it as JSON`,
  });
}
