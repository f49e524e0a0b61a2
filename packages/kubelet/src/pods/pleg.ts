/**
 * Pod lifecycle event generator: notices what changed in the runtime. Every second two list calls and a comparison of states; only
 * pods that changed are read in full.
 */
import type { Clock, Logger } from "@knots/machinery";
import { fingerprint, type ListedPod, type PodReader } from "../runtime/pod-cache.ts";
import { emptyRuntimeStatus, type PodRuntimeStatus } from "../runtime/types.ts";

/** Between two relists. */
export const RELIST_MS = 1_000;
/** While an event stream tells of changes, relisting only catches what the stream missed. */
export const RELIST_WITH_EVENTS_MS = 5_000;
const AFTER_EVENT_MS = [20, 400];
/** Without a successful relist for this long the node is not healthy. */
const UNHEALTHY_MS = 180_000;

export interface PlegOptions {
  readonly reader: PodReader;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether somebody calls `poke` when containers start and end. */
  hasEvents?(): boolean;
  /** How often it relists all the same then. */
  readonly relistWithEventsMs?: number;
  /** The first relist has succeeded, or the first after a failure. */
  readonly onHealthy?: () => void;
  /** Called with the uid of each pod that changed, after its new status can be read. */
  readonly onChange: (uid: string) => void;
}

export class Pleg implements AsyncDisposable {
  readonly #options: PlegOptions;
  readonly #abort = new AbortController();
  readonly #fingerprints = new Map<string, string>();
  readonly #statuses = new Map<string, PodRuntimeStatus>();
  #lastRelist: number | undefined;
  #failing = false;
  #loop: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  #again = false;

  constructor(options: PlegOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Somebody has heard that something happened: relist soon, and once more in case the runtime's lists lag behind its events. */
  poke(): void {
    for (const delay of AFTER_EVENT_MS) this.#options.clock.setTimeout(() => this.#now(), delay);
  }

  /** What the last relist saw; undefined before the first. */
  get pods(): ReadonlyMap<string, PodRuntimeStatus> {
    return this.#statuses;
  }

  get hasListed(): boolean {
    return this.#lastRelist !== undefined;
  }

  /** In upstream's words, when the runtime has not answered for too long. */
  problem(): string | undefined {
    if (this.#lastRelist === undefined) return "PLEG is not healthy: pleg has yet to be successful";
    const since = this.#options.clock.monotonic() - this.#lastRelist;
    if (since <= UNHEALTHY_MS) return undefined;
    return `PLEG is not healthy: pleg was last seen active ${Math.round(since / 1000)}s ago; threshold is 3m0s`;
  }

  /** The pod as the runtime shows it at this moment, read anew. */
  async refresh(pod: { uid: string; name: string; namespace: string }): Promise<PodRuntimeStatus> {
    const listed = await this.#options.reader.listOne(pod.uid);
    if (listed === undefined) {
      this.#fingerprints.delete(pod.uid);
      this.#statuses.delete(pod.uid);
      return emptyRuntimeStatus(pod);
    }
    const status = await this.#options.reader.status(listed);
    this.#fingerprints.set(pod.uid, fingerprint(listed));
    this.#statuses.set(pod.uid, status);
    return status;
  }

  #now(): void {
    // During a relist nobody waits to be woken: it is followed by another at once.
    if (this.#wake === undefined) this.#again = true;
    else this.#wake();
  }

  /** One comparison of the runtime with what was known. */
  async relist(): Promise<void> {
    const { reader, clock, onChange } = this.#options;
    const pods = await reader.list();
    const gone = [...this.#fingerprints.keys()].filter((uid) => !pods.has(uid));
    const changed = [...pods.values()].filter((pod) => this.#fingerprints.get(pod.uid) !== fingerprint(pod));
    const read = async (pod: ListedPod): Promise<void> => {
      const before = this.#fingerprints.get(pod.uid);
      const status = await reader.status(pod);
      // A worker has refreshed this pod meanwhile: which of the two is newer, the next relist tells.
      if (this.#fingerprints.get(pod.uid) !== before) {
        this.poke();
        return;
      }
      this.#statuses.set(pod.uid, status);
      this.#fingerprints.set(pod.uid, fingerprint(pod));
      onChange(pod.uid);
    };
    await Promise.all(changed.map(read));
    for (const uid of gone) {
      this.#fingerprints.delete(uid);
      this.#statuses.delete(uid);
      onChange(uid);
    }
    if (gone.length > 0 || changed.length > 0) reader.retain(pods);
    const first = this.#lastRelist === undefined;
    this.#lastRelist = clock.monotonic();
    if (first) this.#options.onHealthy?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#wake?.();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      this.#again = false;
      try {
        await this.relist();
        if (this.#failing) logger.info("container runtime answers again");
        this.#failing = false;
      } catch (error) {
        // Said once, not every second.
        if (!this.#failing) logger.warn({ error }, "cannot list the pods of the container runtime");
        this.#failing = true;
      }
      if (signal.aborted) return;
      if (this.#again) continue;
      await new Promise<void>((resolve) => {
        const timer = clock.setTimeout(
          resolve,
          this.#options.hasEvents?.() === true
            ? (this.#options.relistWithEventsMs ?? RELIST_WITH_EVENTS_MS)
            : RELIST_MS,
        );
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }
}
