import { parentPort } from "node:worker_threads";

/** What a thread is told when it is to end. */
export const STOP = "stop";

/**
 * Resolves when this program is asked to end: by SIGINT or SIGTERM, or, in a worker thread (which no signal reaches), by
 * the message STOP from the thread that started it.
 */
export function shutdownRequested(): Promise<void> {
  return new Promise((resolve) => {
    const port = parentPort;
    if (port === null) {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
      return;
    }
    const heard = (message: unknown): void => {
      if (message !== STOP) return;
      port.off("message", heard);
      resolve();
    };
    port.on("message", heard);
  });
}
