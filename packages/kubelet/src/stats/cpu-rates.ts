import type { Usage } from "./usage.ts";

/** Between two readings that lie closer together the figure would be noise. */
const SHORTEST_MS = 900;

interface Reading {
  readonly at: number;
  readonly cpuNanoseconds: number;
  readonly rate: number | undefined;
}

/** Cores used at present, in nanocores: from one reading of a counter to the next. */
export class CpuRates {
  #readings = new Map<string, Reading>();
  #seen = new Set<string>();

  /** Undefined before the second reading, and after a counter began anew. */
  rate(key: string, usage: Usage): number | undefined {
    this.#seen.add(key);
    if (usage.cpuNanoseconds === undefined) return undefined;
    const last = this.#readings.get(key);
    const elapsed = usage.at - (last?.at ?? 0);
    if (last !== undefined && elapsed < SHORTEST_MS) return last.rate;
    const used = usage.cpuNanoseconds - (last?.cpuNanoseconds ?? 0);
    const rate = last === undefined || used < 0 ? undefined : Math.round((used / elapsed) * 1000);
    this.#readings.set(key, { at: usage.at, cpuNanoseconds: usage.cpuNanoseconds, rate });
    return rate;
  }

  /** Forgets what was not asked for since the last call. */
  sweep(): void {
    for (const key of this.#readings.keys()) if (!this.#seen.has(key)) this.#readings.delete(key);
    this.#seen = new Set();
  }
}
