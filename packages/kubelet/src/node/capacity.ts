/** Capacity and allocatable of the node. */
import { Quantity } from "@knots/machinery";
import { milliCPU, wholeValue } from "../cm/resources.ts";
import type { MachineInfo } from "./machine-info.ts";

export type ResourceMap = Record<string, string>;

export interface Reservations {
  readonly kubeReserved: ResourceMap;
  readonly systemReserved: ResourceMap;
  /** Signal → threshold, as quantity or percentage: "memory.available": "100Mi". */
  readonly evictionHard: ResourceMap;
}

export function capacity(machine: MachineInfo, diskBytes: number, maxPods: number): ResourceMap {
  return {
    cpu: String(machine.cpus),
    "ephemeral-storage": `${Math.floor(diskBytes / 1024)}Ki`,
    ...Object.fromEntries(
      Object.entries(machine.hugePages).map(([size, bytes]) => [
        `hugepages-${size}`,
        bytes === 0 ? "0" : `${bytes / 1024}Ki`,
      ]),
    ),
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    pods: String(maxPods),
  };
}

const EVICTION_SIGNALS: Record<string, string> = {
  memory: "memory.available",
  "ephemeral-storage": "nodefs.available",
};

/** Capacity less what is reserved and less the hard eviction thresholds, memory less huge pages, too; never below zero. */
export function allocatable(total: ResourceMap, reserved: Reservations): ResourceMap {
  const result: ResourceMap = {};
  const hugePages = Object.keys(total).filter((name) => name.startsWith("hugepages-"));
  const hugeBytes = hugePages.reduce((sum, name) => sum + wholeValue(total[name]), 0);
  for (const [name, value] of Object.entries(total)) {
    if (name === "cpu") {
      const left = milliCPU(value) - milliCPU(reserved.kubeReserved["cpu"]) - milliCPU(reserved.systemReserved["cpu"]);
      result[name] = Quantity.parse(`${Math.max(0, left)}m`).toString();
      continue;
    }
    const whole = wholeValue(value);
    const threshold = reserved.evictionHard[EVICTION_SIGNALS[name] ?? ""];
    const taken =
      wholeValue(reserved.kubeReserved[name]) +
      wholeValue(reserved.systemReserved[name]) +
      thresholdBytes(threshold, whole) +
      (name === "memory" ? hugeBytes : 0);
    const left = Math.max(0, whole - taken);
    if (taken === 0) result[name] = value;
    else result[name] = name === "memory" ? `${Math.floor(left / 1024)}Ki` : String(left);
  }
  return result;
}

/** "10%" of the whole, or a quantity. */
export function thresholdBytes(threshold: string | undefined, whole: number): number {
  if (threshold === undefined) return 0;
  if (threshold.endsWith("%")) return Math.floor((whole * Number(threshold.slice(0, -1))) / 100);
  return wholeValue(threshold);
}
