/** Looks after what no worker looks after: orphans of an earlier life, dead containers, left directories and cgroups, old images. */
import type { Pod } from "@knots/api/core/v1";
import type { Clock, Logger, Timer } from "@knots/machinery";
import type { CgroupManager } from "../cm/cgroups.ts";
import { errorText } from "../cri/error.ts";
import type { Recorder } from "../events.ts";
import type { ImageCollector } from "../images/image-gc.ts";
import type { Collector } from "../runtime/collector.ts";
import type { Killer } from "../runtime/kill.ts";
import type { VolumeManager } from "../volumes/types.ts";
import type { Pleg } from "./pleg.ts";

export interface HousekeepingOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: Recorder;
  readonly nodeName: string;
  readonly pleg: Pleg;
  readonly killer: Killer;
  readonly collector: Collector;
  readonly volumes: VolumeManager;
  readonly images: ImageCollector;
  readonly cgroups: CgroupManager | undefined;
  /** All sources of pods have been read: what is unknown now is an orphan. */
  readonly sourcesReady: () => boolean;
  readonly known: (uid: string) => boolean;
}

const PERIOD_MS = 60_000;
/** Until the sources are ready it looks again soon. */
const WAITING_MS = 1_000;
const IMAGES_EVERY = 5;

export class Housekeeping implements AsyncDisposable {
  readonly #options: HousekeepingOptions;
  #timer: Timer | undefined;
  #stopped = false;
  #current: Promise<void> = Promise.resolve();
  #rounds = 0;
  readonly #ending = new Set<string>();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#tick();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#current;
  }

  #tick(): void {
    if (this.#stopped) return;
    const { logger, sourcesReady, pleg } = this.#options;
    const ready = sourcesReady() && pleg.hasListed;
    const round = ready ? this.round() : Promise.resolve();
    this.#current = round
      .catch((error: unknown) => logger.warn({ error }, "housekeeping failed, trying again later"))
      .finally(() => {
        if (!this.#stopped)
          this.#timer = this.#options.clock.setTimeout(() => this.#tick(), ready ? PERIOD_MS : WAITING_MS);
      });
  }

  async round(): Promise<void> {
    const { pleg, known, collector, images, recorder, nodeName, logger } = this.#options;
    for (const status of pleg.pods.values()) {
      if (known(status.uid) || this.#ending.has(status.uid)) continue;
      this.#ending.add(status.uid);
      // Not waited for: a long grace period must not hold up the rest.
      this.#endOrphan(status.uid, status.name, status.namespace)
        .catch((error: unknown) =>
          logger.warn({ pod: `${status.namespace}/${status.name}`, error }, "cannot end orphaned pod"),
        )
        .finally(() => this.#ending.delete(status.uid));
    }
    await collector.collect(
      [...pleg.pods.values()].filter((status) => known(status.uid)),
      known,
    );
    await this.#leftovers();
    if (this.#rounds % IMAGES_EVERY === IMAGES_EVERY - 1) {
      await images.collect().catch((error: unknown) => {
        recorder.event(
          { apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeName },
          "Warning",
          "ImageGCFailed",
          errorText(error),
        );
      });
    }
    this.#rounds += 1;
  }

  async #endOrphan(uid: string, name: string, namespace: string): Promise<void> {
    const { pleg, killer, collector, volumes, logger } = this.#options;
    const status = await pleg.refresh({ uid, name, namespace });
    logger.info({ pod: `${namespace}/${name}`, uid }, "ending pod that is not assigned to this node any more");
    const pod: Pod = { metadata: { name, namespace, uid }, spec: { containers: [] } };
    await killer.killPod(pod, status, {});
    await volumes.unmountPod(uid);
    await collector.purge(await pleg.refresh({ uid, name, namespace }));
    await pleg.refresh({ uid, name, namespace });
  }

  /** Directories and cgroups of pods that nobody knows and that do not run. */
  async #leftovers(): Promise<void> {
    const { collector, pleg, known, volumes, cgroups } = this.#options;
    const gone = (uid: string): boolean => !known(uid) && !pleg.pods.has(uid);
    for (const uid of await collector.podDirectories()) {
      if (!gone(uid)) continue;
      await volumes.unmountPod(uid);
      await collector.purge({ uid, name: "", namespace: "", sandboxes: [], containers: [] });
    }
    for (const [uid, path] of (await cgroups?.podUIDs()) ?? []) if (gone(uid)) await cgroups?.remove(path);
  }
}
