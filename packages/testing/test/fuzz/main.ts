// Tries the server for as long as one likes: node main.ts [--seed N] [--seconds N] [--verbose]
import { parseArgs } from "node:util";
import { Defects } from "./defects.ts";
import { FuzzServer } from "./fuzz-server.ts";

/** A new server after so many requests. */
const ROUND = 1000;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "60" },
    verbose: { type: "boolean", default: false },
  },
});
const defects = new Defects();
let requests = 0;
const statuses = new Map<number, number>();
for (const event of ["unhandledRejection", "uncaughtException"] as const) {
  process.on(event, (error: unknown) => {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    defects.add(`${event} ${detail.slice(0, 200)}`, { what: event, detail, input: "" });
  });
}
const until = Date.now() + Number(values.seconds) * 1000;
let seed = Number(values.seed);
let told = 0;
let broken = 0;
while (Date.now() < until) {
  try {
    await using fuzz = await FuzzServer.start(seed++, defects);
    for (let left = ROUND; left > 0 && Date.now() < until; left -= 50) {
      await fuzz.run(50);
      for (; told < defects.all.length; told++) {
        const defect = defects.all[told];
        process.stdout.write(`\n=== ${defect?.what}\n${defect?.detail.slice(0, 2500)}\n--- ${defect?.input}\n`);
      }
    }
    requests += fuzz.requests;
    for (const [status, count] of fuzz.statuses) statuses.set(status, (statuses.get(status) ?? 0) + count);
  } catch (error) {
    process.stdout.write(`\n=== the run with seed ${seed - 1} broke: ${String((error as Error).stack)}\n`);
    if (++broken === 5) break;
  }
}
process.stdout.write(
  `\n${requests} requests, ${told} defects; answers: ${JSON.stringify(Object.fromEntries(statuses))}\n`,
);
process.exitCode = told + broken === 0 ? 0 : 1;
