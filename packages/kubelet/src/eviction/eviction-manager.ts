/** Watches memory, disk and process ids; under pressure it tells the node's conditions, frees images, and evicts one pod at a time. */
import type { Pod } from "@knots/api/core/v1";
import type { Clock, Logger, Timer } from "@knots/machinery";
import type { CriClients } from "../cri/types.ts";
import type { Recorder } from "../events.ts";
import type { ImageCollector } from "../images/image-gc.ts";
import type { Termination } from "../pods/pod-workers.ts";
import { LABEL_POD_UID } from "../runtime/labels.ts";
import { type PodUsage, rankForEviction } from "./rank.ts";
import { crossed, observe, type Pressure, pressureOf, type Signal } from "./signals.ts";

export interface EvictionManagerOptions {
  readonly cri: CriClients;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: Recorder;
  readonly nodeName: string;
  readonly rootDir: string;
  readonly thresholds: Readonly<Record<string, string>>;
  readonly images: ImageCollector;
  readonly pods: () => readonly Pod[];
  readonly evict: (uid: string, termination: Termination) => void;
  readonly onPressureChange: () => void;
}

const PERIOD_MS = 10_000;
/** A condition stays true this long after the last time its threshold was crossed, so that it does not flap. */
const TRANSITION_MS = 300_000;

const RESOURCES: Record<Signal, { name: string; resource: "memory" | "ephemeral-storage" }> = {
  "memory.available": { name: "memory", resource: "memory" },
  "nodefs.available": { name: "ephemeral-storage", resource: "ephemeral-storage" },
  "nodefs.inodesFree": { name: "inodes", resource: "ephemeral-storage" },
  "imagefs.available": { name: "ephemeral-storage", resource: "ephemeral-storage" },
  "imagefs.inodesFree": { name: "inodes", resource: "ephemeral-storage" },
  "pid.available": { name: "pids", resource: "memory" },
};

export class EvictionManager implements AsyncDisposable {
  readonly #options: EvictionManagerOptions;
  readonly #lastCrossed = new Map<Signal, number>();
  #timer: Timer | undefined;
  #stopped = false;
  #current: Promise<void> = Promise.resolve();
  #imageRoot: string | undefined;
  #pressure: Pressure = { memory: false, disk: false, pid: false };

  constructor(options: EvictionManagerOptions) {
    this.#options = options;
  }

  get pressure(): Pressure {
    return this.#pressure;
  }

  start(): void {
    this.#tick();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#current;
  }

  async round(): Promise<void> {
    const { rootDir, thresholds, clock, logger, onPressureChange } = this.#options;
    const observed = await observe(rootDir, await this.#imagesAt());
    const now = clock.monotonic();
    const signals = crossed(thresholds, observed);
    for (const signal of signals) this.#lastCrossed.set(signal, now);
    const held = [...this.#lastCrossed].filter(([, at]) => now - at < TRANSITION_MS).map(([signal]) => signal);
    const before = JSON.stringify(this.#pressure);
    this.#pressure = pressureOf(held);
    if (JSON.stringify(this.#pressure) !== before) onPressureChange();
    const signal = signals[0];
    if (signal === undefined) return;
    logger.warn({ signals }, "eviction threshold crossed");
    await this.#relieve(signal);
  }

  async #relieve(signal: Signal): Promise<void> {
    const { recorder, nodeName, images, evict, pods, logger } = this.#options;
    const { name, resource } = RESOURCES[signal];
    recorder.event(
      { apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeName },
      "Warning",
      "EvictionThresholdMet",
      `Attempting to reclaim ${name}`,
    );
    if (resource === "ephemeral-storage") {
      await images.collect().catch((error: unknown) => logger.warn({ error }, "cannot free enough images"));
      if (!(await this.#stillCrossed(signal))) return;
    }
    const victim = rankForEviction(await this.#usage(pods(), resource), resource)[0];
    if (victim?.metadata?.uid === undefined) {
      logger.error({ signal }, "no pod may be evicted");
      return;
    }
    const message = `The node was low on resource: ${name}.`;
    recorder.event(victim, "Warning", "Evicted", message);
    evict(victim.metadata.uid, {
      reason: "Evicted",
      message,
      // A hard threshold leaves no time for grace.
      graceSeconds: 1,
      condition: { type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet", message },
    });
  }

  async #stillCrossed(signal: Signal): Promise<boolean> {
    const { thresholds, rootDir } = this.#options;
    return crossed(thresholds, await observe(rootDir, await this.#imagesAt())).includes(signal);
  }

  async #usage(pods: readonly Pod[], resource: "memory" | "ephemeral-storage"): Promise<PodUsage[]> {
    const used = new Map<string, number>();
    for (const stats of await this.#options.cri.runtime.listContainerStats()) {
      const uid = stats.attributes?.labels[LABEL_POD_UID];
      if (uid === undefined) continue;
      const bytes =
        resource === "memory" ? stats.memory?.workingSetBytes?.value : stats.writableLayer?.usedBytes?.value;
      used.set(uid, (used.get(uid) ?? 0) + Number(bytes ?? 0n));
    }
    return pods.map((pod) => ({ pod, usage: used.get(pod.metadata?.uid ?? "") ?? 0 }));
  }

  async #imagesAt(): Promise<string | undefined> {
    this.#imageRoot ??= (
      await this.#options.cri.images.imageFsInfo().catch(() => undefined)
    )?.imageFilesystems[0]?.fsId?.mountpoint;
    return this.#imageRoot;
  }

  #tick(): void {
    if (this.#stopped) return;
    const { clock, logger } = this.#options;
    this.#current = this.round()
      .catch((error: unknown) => logger.warn({ error }, "cannot observe the node's resources"))
      .finally(() => {
        if (!this.#stopped) this.#timer = clock.setTimeout(() => this.#tick(), PERIOD_MS);
      });
  }
}
