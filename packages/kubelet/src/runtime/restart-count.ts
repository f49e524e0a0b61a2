/** How often a container ran, and how long it waits, in the words of logs and messages. */
import { readdir } from "node:fs/promises";

/** After the runtime has lost its containers the log files still tell how often this one ran. */
export async function restartsFromLogs(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  const counts = names.map((name) => /^(\d+)\.log/.exec(name)?.[1]).filter((count) => count !== undefined);
  return counts.length === 0 ? 0 : Math.max(...counts.map(Number)) + 1;
}

/** Whole seconds as Go prints them: 10s, 1m20s, 5m0s. */
export function goSeconds(ms: number): string {
  const total = Math.round(ms / 1000);
  return total < 60 ? `${total}s` : `${Math.floor(total / 60)}m${total % 60}s`;
}
