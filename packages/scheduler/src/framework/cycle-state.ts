import type { FilterPlugin } from "./plugin.ts";

/** State a plug-in keeps between its extension points within one cycle. */
export interface StateData {
  /** A copy that can be changed on its own: preemption tries what would be. Immutable state may return itself. */
  clone(): StateData;
}

/** What the plug-ins computed for one pod in one scheduling cycle, by plug-in name. */
export class CycleState {
  readonly #data = new Map<string, StateData>();
  /** Plug-ins whose PreFilter skipped: their Filter is not called. */
  readonly skippedFilters: Set<string>;
  readonly skippedScores = new Set<string>();
  /** The filter plug-ins that have something to check, once PreFilter has run: thousands of nodes ask for them. */
  filters: readonly FilterPlugin[] | undefined;

  constructor(skippedFilters: Set<string> = new Set()) {
    this.skippedFilters = skippedFilters;
  }

  write(key: string, value: StateData): void {
    this.#data.set(key, value);
  }

  /** What was written under that key; the writer knows its type. */
  read<T extends StateData>(key: string): T | undefined {
    return this.#data.get(key) as T | undefined;
  }

  clone(): CycleState {
    const copy = new CycleState(this.skippedFilters);
    copy.filters = this.filters;
    for (const [key, value] of this.#data) copy.#data.set(key, value.clone());
    return copy;
  }
}
