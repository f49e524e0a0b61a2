import type { NodeStatus } from "@knots/api/core/v1";
import { expect, test } from "vitest";
import { allocatable, capacity } from "./capacity.ts";
import type { MachineInfo } from "./machine-info.ts";
import { nodeStatusPatch } from "./node-status-updater.ts";
import { nodeStatus, type NodeFacts } from "./node-status.ts";

const MACHINE: MachineInfo = {
  cpus: 4,
  memoryBytes: 8 * 1024 ** 3,
  swapBytes: 0,
  hugePages: { "2Mi": 0 },
  machineID: "m",
  systemUUID: "s",
  bootID: "b",
  kernelVersion: "6.1",
  osImage: "Debian",
  architecture: "amd64",
};
const RESERVED = { kubeReserved: { cpu: "500m" }, systemReserved: {}, evictionHard: { "memory.available": "100Mi" } };

function facts(machine = MACHINE): NodeFacts {
  const total = capacity(machine, 1024 ** 3, 110);
  return {
    now: 0,
    addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
    machine,
    capacity: total,
    allocatable: allocatable(total, RESERVED),
    port: 10250,
    kubeletVersion: "v1",
    runtimeVersion: "containerd://1",
    images: [],
    problems: [],
    pressure: { memory: false, disk: false, pid: false },
  };
}

const patch = (current: NodeStatus, now = facts()): Record<string, unknown> | undefined =>
  nodeStatusPatch(current, nodeStatus(now, current), false);

test("what others advertise in the capacity is left there and made allocatable", () => {
  const plain = nodeStatus(facts(), undefined);
  const advertised = { ...plain, capacity: { ...plain.capacity, "example.com/dongle": "4" } };
  expect(patch(advertised)).toMatchObject({ allocatable: { "example.com/dongle": "4" } });
  expect(patch(advertised)).not.toHaveProperty("capacity");
  const taken = { ...advertised, allocatable: { ...plain.allocatable, "example.com/dongle": "4" } };
  expect(patch(taken)).toBeUndefined();
  const more = { ...taken, capacity: { ...plain.capacity, "example.com/dongle": "5" } };
  expect(patch(more)).toMatchObject({ allocatable: { "example.com/dongle": "5" } });
});

test("what others take out of the capacity goes from what is allocatable", () => {
  const plain = nodeStatus(facts(), undefined);
  const left = { ...plain, allocatable: { ...plain.allocatable, "example.com/dongle": "4" } };
  expect(patch(left)).toMatchObject({ allocatable: { "example.com/dongle": null } });
});

test("what the kubelet measures is its own to say", () => {
  const plain = nodeStatus(facts(), undefined);
  const changed = {
    ...plain,
    capacity: { ...plain.capacity, cpu: "64" },
    allocatable: { ...plain.allocatable, cpu: "9" },
  };
  expect(patch(changed)).toMatchObject({ capacity: { cpu: "4" }, allocatable: { cpu: "3500m" } });
});

test("memory in huge pages is no ordinary memory", () => {
  const total = capacity({ ...MACHINE, hugePages: { "2Mi": 1024 ** 3 } }, 1024 ** 3, 110);
  expect(total).toMatchObject({ memory: `${8 * 1024 ** 2}Ki`, "hugepages-2Mi": `${1024 ** 2}Ki` });
  expect(allocatable(total, RESERVED)).toMatchObject({
    memory: `${7 * 1024 ** 2 - 100 * 1024}Ki`,
    "hugepages-2Mi": `${1024 ** 2}Ki`,
  });
});
