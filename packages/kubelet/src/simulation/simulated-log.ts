/** The log of a simulated container: it says what happened to it. */
import type { Clock } from "@knots/machinery";
import type { LogOptions } from "../logs/read-log.ts";

export interface SimulatedContainerState {
  readonly name: string;
  readonly pod: string;
  /** Milliseconds since the epoch; 0: not yet. */
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly running: boolean;
}

export interface LogEntry {
  readonly at: number;
  readonly text: string;
}

const FOLLOW_MS = 500;

/** Pure. */
export function logEntries(container: SimulatedContainerState): LogEntry[] {
  const { name, pod, startedAt, finishedAt, exitCode, running } = container;
  const entries = [{ at: startedAt, text: `simulated container ${name} of pod ${pod} started` }];
  if (!running) entries.push({ at: finishedAt, text: `simulated container ${name} ended with exit code ${exitCode}` });
  return entries;
}

/** One line of the answer. Pure. */
export function logLine({ at, text }: LogEntry, timestamps: boolean | undefined): string {
  return timestamps === true ? `${new Date(at).toISOString().replace("Z", "000000Z")} ${text}\n` : `${text}\n`;
}

/** The lines that the options ask for; with `follow` until the container has ended or is gone. */
export async function* simulatedLog(
  container: () => SimulatedContainerState | undefined,
  options: LogOptions,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { tailLines, since = 0, limitBytes = Number.POSITIVE_INFINITY, timestamps, follow } = options;
  let told: number | undefined;
  let left = limitBytes;
  for (;;) {
    const current = container();
    if (current === undefined) return;
    const entries = logEntries(current).filter(({ at }) => at >= since);
    told ??= tailLines === undefined ? 0 : Math.max(0, entries.length - tailLines);
    for (const entry of entries.slice(told)) {
      const bytes = Buffer.from(logLine(entry, timestamps)).subarray(0, left);
      left -= bytes.length;
      if (bytes.length > 0) yield bytes;
    }
    told = entries.length;
    if (follow !== true || !current.running || left <= 0 || signal.aborted) return;
    try {
      await clock.sleep(FOLLOW_MS, signal);
    } catch {
      return;
    }
  }
}
