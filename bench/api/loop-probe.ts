// Loaded into the server under test (NODE_OPTIONS=--import): SIGUSR2 writes the longest hold of the event loop since the last one, in milliseconds, to $LOOP_PROBE.
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 2;
const file = process.env["LOOP_PROBE"];
if (file !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  process.on("SIGUSR2", () => {
    const ms = (nanoseconds: number): number => nanoseconds / 1e6 - RESOLUTION_MS;
    writeFileSync(
      file,
      JSON.stringify({ max: ms(delay.max), p99: ms(delay.percentile(99)), memory: process.memoryUsage() }),
    );
    delay.reset();
  });
}
