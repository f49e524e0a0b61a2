/** What a container, a pod or a node has used, in one shape whatever it was read from. */
import type * as pb from "../generated/cri.ts";

export interface Usage {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly cpuNanoseconds?: number | undefined;
  readonly memory?: MemoryUsage | undefined;
}

export interface MemoryUsage {
  readonly usageBytes?: number | undefined;
  readonly workingSetBytes?: number | undefined;
  readonly rssBytes?: number | undefined;
  readonly availableBytes?: number | undefined;
  readonly pageFaults?: number | undefined;
  readonly majorPageFaults?: number | undefined;
}

export interface NetworkUsage {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxErrors: number;
  readonly txBytes: number;
  readonly txErrors: number;
}

export function criUsage(stats: pb.ContainerStats): Usage {
  const { cpu, memory } = stats;
  return {
    at: Number((cpu?.timestamp ?? memory?.timestamp ?? 0n) / 1_000_000n),
    cpuNanoseconds: number(cpu?.usageCoreNanoSeconds),
    memory:
      memory === undefined
        ? undefined
        : {
            usageBytes: number(memory.usageBytes),
            workingSetBytes: number(memory.workingSetBytes),
            rssBytes: number(memory.rssBytes),
            availableBytes: number(memory.availableBytes),
            pageFaults: number(memory.pageFaults),
            majorPageFaults: number(memory.majorPageFaults),
          },
  };
}

function number(value: pb.UInt64Value | undefined): number | undefined {
  return value === undefined ? undefined : Number(value.value);
}
