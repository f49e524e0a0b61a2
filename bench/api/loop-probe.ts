// Loaded into the server under test (NODE_OPTIONS=--import): SIGUSR2 writes the longest hold of the event loop since the last one, in
// milliseconds, to $LOOP_PROBE: by the clock, and by the thread's own CPU time, which does not count what other processes took.
import { writeFileSync } from "node:fs";

const TICK_MS = 2;
const file = process.env["LOOP_PROBE"];
if (file !== undefined) {
  const cpu = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let longest = { clock: 0, cpu: 0 };
  let last = { clock: performance.now(), cpu: cpu() };
  const tick = (): void => {
    const now = { clock: performance.now(), cpu: cpu() };
    longest = {
      clock: Math.max(longest.clock, now.clock - last.clock - TICK_MS),
      cpu: Math.max(longest.cpu, now.cpu - last.cpu),
    };
    last = now;
  };
  setInterval(tick, TICK_MS).unref();
  process.on("SIGUSR2", () => {
    writeFileSync(file, JSON.stringify(longest));
    longest = { clock: 0, cpu: 0 };
  });
}
