/** A ProbeManager without probes: containers that have a startup or readiness probe never become started or ready. */
import type { ProbeManager } from "./types.ts";

export class NoProbes implements ProbeManager {
  addPod(): void {
    // Nothing is probed.
  }
  updatePod(): void {
    // Nothing is probed.
  }
  stopLivenessAndStartup(): void {
    // Nothing is probed.
  }
  removePod(): void {
    // Nothing is probed.
  }
  resultFor(): boolean | undefined {
    return undefined;
  }
  onResult(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }
}
