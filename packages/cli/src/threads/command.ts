// `knots threads`: several components in one process, each in a thread with an event loop and a heap of its own. They share
// the runtime's code and memory, which is most of a small component's footprint, and wait for nobody but themselves.
import { join } from "node:path";
import { Command } from "commander";
import { newLogger, RealClock, shutdownRequested } from "@knots/machinery";
import { ComponentThread, type ThreadSpec } from "./component-thread.ts";

const STOP_GRACE_MS = 4_000;

interface Flags {
  readonly logDir: string;
  readonly thread: readonly ThreadSpec[];
}

/** The command line that runs these components together. */
export function threadsArgv(logDir: string, threads: readonly ThreadSpec[]): string[] {
  return ["threads", `--log-dir=${logDir}`, ...threads.map((thread) => `--thread=${JSON.stringify(thread)}`)];
}

async function run(flags: Flags): Promise<void> {
  const logger = newLogger({ name: "threads" });
  const clock = new RealClock();
  const stopped = shutdownRequested();
  const threads = flags.thread.map(
    (spec) =>
      new ComponentThread({
        spec,
        entry: process.argv[1] ?? "",
        logFile: join(flags.logDir, `${spec.name}.log`),
        clock,
        logger,
      }),
  );
  for (const thread of threads) thread.start();
  await stopped;
  await Promise.all(threads.map((thread) => thread.stop(STOP_GRACE_MS)));
  process.exit();
}

export function command(): Command {
  return new Command("threads")
    .requiredOption("--log-dir <dir>", "where each component's log goes")
    .requiredOption<ThreadSpec[]>(
      "--thread <json>",
      'a component: {"name": …, "argv": […]}; may be repeated',
      (text, known) => [...(known ?? []), JSON.parse(text) as ThreadSpec],
      [],
    )
    .action(run);
}
