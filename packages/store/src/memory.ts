// The engine for tests: everything in memory, the same rules.
import { RealClock, type Clock } from "@knots/machinery";
import { EmbeddedStore, type LogEntry, type ValueLog } from "./embedded-store.ts";
import { MvccIndex } from "./mvcc.ts";
import type { Store } from "./store.ts";

class MemoryLog implements ValueLog {
  readonly #values = new Map<string, Map<number, Uint8Array>>();

  async append(entry: LogEntry): Promise<void> {
    for (const { key, version, value } of entry.changes) {
      if (value === undefined) continue;
      let versions = this.#values.get(key);
      if (versions === undefined) this.#values.set(key, (versions = new Map()));
      versions.set(version.revision, value);
    }
    await Promise.resolve();
  }

  read(key: string, revision: number): Uint8Array | undefined {
    return this.#values.get(key)?.get(revision);
  }

  async drop(versions: readonly { key: string; revision: number }[]): Promise<void> {
    for (const { key, revision } of versions) {
      const kept = this.#values.get(key);
      kept?.delete(revision);
      if (kept?.size === 0) this.#values.delete(key);
    }
    await Promise.resolve();
  }

  async close(): Promise<void> {
    this.#values.clear();
    await Promise.resolve();
  }
}

/** A store that lives as long as the process. */
export function openMemoryStore(options: { clock?: Clock } = {}): Store {
  return new EmbeddedStore(
    new MemoryLog(),
    { index: new MvccIndex(), revision: 1, compactRevision: 0, leases: [] },
    options.clock ?? new RealClock(),
  );
}
