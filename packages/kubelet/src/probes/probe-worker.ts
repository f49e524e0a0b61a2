/** One probe of one container: when it runs, and what its results add up to. */
import type { Container, Probe } from "@knots/api/core/v1";
import type { Clock, Timer } from "@knots/machinery";
import type { ProbeKind, ProbeOutcome } from "./types.ts";

export interface ProbeWorkerOptions {
  readonly kind: ProbeKind;
  readonly container: Container;
  readonly probe: Probe;
  readonly clock: Clock;
  /** Runs the probe once; throws when it could not be run. */
  readonly run: (containerID: string) => Promise<ProbeOutcome>;
  /** Whether the container's startup probe has succeeded; the other kinds wait for it. */
  readonly hasStarted: (containerID: string) => boolean;
  /** Each failed or dubious run, for the Events; `error` set: it could not be run. */
  readonly onOutcome: (outcome: ProbeOutcome | { readonly error: string }) => void;
  /** The verdict changed. */
  readonly onVerdict: (containerID: string, success: boolean) => void;
}

/** Containers that started so long before they were first seen ran before this kubelet did. */
const RESTART_MS = 10_000;

export class ProbeWorker {
  readonly #options: ProbeWorkerOptions;
  #container: { readonly id: string; readonly startedAt: number } | undefined;
  #verdict: boolean | undefined;
  #last: boolean | undefined;
  #run = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: ProbeWorkerOptions) {
    this.#options = options;
  }

  resultFor(containerID: string): boolean | undefined {
    return this.#container?.id === containerID ? this.#verdict : undefined;
  }

  /** What runs now. A container with a new id is probed from the beginning. */
  update(container: { readonly id: string; readonly startedAt: number } | undefined): void {
    if (this.#stopped || container === undefined || container.id === this.#container?.id) return;
    const { clock, probe } = this.#options;
    this.#container = container;
    this.#verdict = undefined;
    this.#last = undefined;
    this.#run = 0;
    this.#timer?.cancel();
    const now = clock.now();
    // After a restart of the kubelet all probes would begin at once.
    const jitter = now - container.startedAt > RESTART_MS ? Math.random() * Math.min(this.#periodMs, 10_000) : 0;
    const due = container.startedAt + (probe.initialDelaySeconds ?? 0) * 1000 - now;
    this.#schedule(Math.max(0, due, jitter));
  }

  /** Runs the probe now: its startup probe has just succeeded. */
  poke(): void {
    if (this.#stopped || this.#container === undefined) return;
    const { clock, probe } = this.#options;
    const due = this.#container.startedAt + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now();
    this.#schedule(Math.max(0, due));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  get #periodMs(): number {
    return (this.#options.probe.periodSeconds ?? 10) * 1000;
  }

  #schedule(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => void this.#probe(), ms);
  }

  async #probe(): Promise<void> {
    const container = this.#container;
    const { kind, clock, run, hasStarted, onOutcome } = this.#options;
    if (this.#stopped || container === undefined) return;
    if (kind !== "startup" && !hasStarted(container.id)) {
      this.#schedule(this.#periodMs);
      return;
    }
    const began = clock.now();
    let outcome: ProbeOutcome | undefined;
    try {
      outcome = await run(container.id);
    } catch (error) {
      if (this.#isOver(container.id)) return;
      onOutcome({ error: error instanceof Error ? error.message : String(error) });
    }
    if (this.#isOver(container.id)) return;
    if (outcome !== undefined) {
      if (outcome.result !== "success") onOutcome(outcome);
      this.#count(container.id, outcome.result !== "failure");
    }
    if (this.#isFinal()) return;
    this.#schedule(Math.max(0, began + this.#periodMs - clock.now()));
  }

  /** While the probe ran, its container may have been replaced or the worker stopped. */
  #isOver(containerID: string): boolean {
    return this.#stopped || this.#container?.id !== containerID;
  }

  /** A startup probe is done with its success; a failed startup or liveness probe waits for the next container. */
  #isFinal(): boolean {
    const { kind } = this.#options;
    return (kind === "startup" && this.#verdict === true) || (kind !== "readiness" && this.#verdict === false);
  }

  #count(containerID: string, success: boolean): void {
    const { probe, onVerdict } = this.#options;
    this.#run = this.#last === success ? this.#run + 1 : 1;
    this.#last = success;
    const threshold = success ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (this.#run < threshold || this.#verdict === success) return;
    this.#verdict = success;
    onVerdict(containerID, success);
  }
}
