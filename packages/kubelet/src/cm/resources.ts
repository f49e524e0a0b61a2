/** From requests and limits to what the kernel's cgroups take. Pure arithmetic. */
import type { Container, Pod, ResourceRequirements } from "@knots/api/core/v1";
import { podQOSClass, Quantity } from "@knots/machinery";

const SHARES_PER_CPU = 1024;
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;
/** Microseconds. */
export const QUOTA_PERIOD = 100_000;
const MIN_QUOTA = 1_000;

const GUARANTEED_OOM_SCORE_ADJ = -997;
const BEST_EFFORT_OOM_SCORE_ADJ = 1000;
/** Priority from which on a pod counts as critical: system-cluster-critical. */
const CRITICAL_PRIORITY = 2_000_000_000;

export function milliCPUToShares(milliCPU: number): number {
  if (milliCPU === 0) return MIN_SHARES;
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, Math.floor((milliCPU * SHARES_PER_CPU) / 1000)));
}

/** 0 means no quota. */
export function milliCPUToQuota(milliCPU: number, period: number = QUOTA_PERIOD): number {
  if (milliCPU === 0) return 0;
  return Math.max(MIN_QUOTA, Math.floor((milliCPU * period) / 1000));
}

export function milliCPU(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : Number(Quantity.parse(String(quantity)).milliValue());
}

/** Bytes, or any whole number of things. */
export function wholeValue(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : Number(Quantity.parse(String(quantity)).value());
}

export interface LinuxResources {
  cpuShares: number;
  /** 0: no limit. */
  cpuQuota: number;
  cpuPeriod: number;
  /** 0: no limit. */
  memoryLimit: number;
}

/** A request that is missing is the limit. */
export function linuxResources(resources: ResourceRequirements | undefined): LinuxResources {
  const cpuRequest = resources?.requests?.["cpu"] ?? resources?.limits?.["cpu"];
  return {
    cpuShares: milliCPUToShares(milliCPU(cpuRequest)),
    cpuQuota: milliCPUToQuota(milliCPU(resources?.limits?.["cpu"])),
    cpuPeriod: QUOTA_PERIOD,
    memoryLimit: wholeValue(resources?.limits?.["memory"]),
  };
}

/** The more memory a burstable container has asked for, the later it is killed. `memoryCapacity` of the node in bytes. */
export function oomScoreAdj(pod: Pod, container: Container, memoryCapacity: number): number {
  if (isCriticalPod(pod)) return GUARANTEED_OOM_SCORE_ADJ;
  const qos = podQOSClass(pod);
  if (qos === "Guaranteed") return GUARANTEED_OOM_SCORE_ADJ;
  if (qos === "BestEffort" || memoryCapacity <= 0) return BEST_EFFORT_OOM_SCORE_ADJ;
  const request = wholeValue(container.resources?.requests?.["memory"]);
  const adjusted = 1000 - Math.trunc((1000 * request) / memoryCapacity);
  const floor = 1000 + GUARANTEED_OOM_SCORE_ADJ;
  return Math.min(BEST_EFFORT_OOM_SCORE_ADJ - 1, Math.max(floor, adjusted));
}

export function isCriticalPod(pod: Pod): boolean {
  const annotations = pod.metadata?.annotations ?? {};
  const source = annotations["kubernetes.io/config.source"];
  if ((source !== undefined && source !== "api") || annotations["kubernetes.io/config.mirror"] !== undefined)
    return true;
  return (pod.spec?.priority ?? 0) >= CRITICAL_PRIORITY;
}
