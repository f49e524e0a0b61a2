/** Writes pod statuses to the API: only changes, one write at a time per pod, the newest state wins. Ends graceful deletions. */
import type { Pod, PodStatus } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { type Client, WorkQueue, runWorkers } from "@knots/client";
import { type Clock, isConflict, isNotFound, type Logger } from "@knots/machinery";
import { KUBELET_CONDITIONS } from "./conditions.ts";
import { statusPatch } from "./status-patch.ts";

export interface StatusManagerOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The pod in the API that stands for this one: itself, or the mirror of a static pod. undefined when there is none (yet). */
  readonly apiPod: (uid: string) => Pod | undefined;
}

/** How long a status that somebody else overwrote may stand. */
const RECONCILE_MS = 10_000;
const WORKERS = 8;

export class StatusManager implements AsyncDisposable {
  readonly #options: StatusManagerOptions;
  readonly #statuses = new Map<string, PodStatus>();
  /** Pods of which nothing is left on this node. */
  readonly #deletable = new Set<string>();
  readonly #queue: WorkQueue;
  readonly #abort = new AbortController();
  #workers: Promise<void> = Promise.resolve();

  constructor(options: StatusManagerOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({ clock: options.clock, name: "pod-status", baseDelayMs: 50, maxDelayMs: 10_000 });
  }

  start(): void {
    const { logger } = this.#options;
    this.#workers = runWorkers(this.#queue, {
      workers: WORKERS,
      reconcile: (uid: string) => this.#sync(uid),
      logger,
      signal: this.#abort.signal,
    });
  }

  /** The status to be shown; undefined when this kubelet has not made one yet. */
  get(uid: string): PodStatus | undefined {
    return this.#statuses.get(uid);
  }

  set(uid: string, status: PodStatus): void {
    this.#statuses.set(uid, status);
    this.#queue.add(uid);
  }

  /** Write the status once more: what it is written to has just come into being. */
  republish(uid: string): void {
    if (this.#statuses.has(uid)) this.#queue.add(uid);
  }

  /** Nothing of the pod is left on the node: once it is marked for deletion, it may be deleted for good. */
  setDeletable(uid: string): void {
    this.#deletable.add(uid);
    this.#queue.add(uid);
  }

  /** The pod in the API has changed: perhaps somebody overwrote its status, or it can be deleted now. */
  observe(uid: string, pod: Pod): void {
    const wanted = this.#statuses.get(uid);
    if (pod.metadata?.deletionTimestamp !== undefined && this.#deletable.has(uid)) this.#queue.add(uid);
    else if (wanted !== undefined && statusPatch(pod.status, wanted, mine(wanted)) !== undefined)
      this.#queue.addAfter(uid, RECONCILE_MS);
  }

  forget(uid: string): void {
    this.#statuses.delete(uid);
    this.#deletable.delete(uid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#queue.shutDown();
    await this.#workers;
  }

  async #sync(uid: string): Promise<void> {
    const { client, logger } = this.#options;
    const pod = this.#options.apiPod(uid);
    const wanted = this.#statuses.get(uid);
    if (pod?.metadata?.name === undefined || pod.metadata.uid === undefined) return;
    const { namespace, name, uid: apiUID } = pod.metadata;
    const resource = client.resource(pods, namespace);
    try {
      if (wanted !== undefined) {
        const patch = statusPatch(pod.status, wanted, mine(wanted));
        // The uid makes the write fail when a pod of the same name has taken its place.
        if (patch !== undefined)
          await resource.patch(
            name,
            { metadata: { uid: apiUID }, status: patch },
            { type: "strategic", subresource: "status" },
          );
      }
      if (this.#deletable.has(uid) && pod.metadata.deletionTimestamp !== undefined) {
        await resource.delete(name, { gracePeriodSeconds: 0, preconditions: { uid: apiUID } });
        logger.debug({ pod: `${namespace}/${name}` }, "pod is deleted for good");
      }
    } catch (error) {
      if (isNotFound(error)) return;
      if (isConflict(error)) {
        logger.debug({ pod: `${namespace}/${name}`, error }, "status not written: another pod has this name");
        return;
      }
      throw error;
    }
  }
}

/** The kubelet's usual conditions, and those it has put into this status itself. */
function mine(status: PodStatus): ReadonlySet<string> {
  return status.reason === "Evicted" || status.reason === "Terminated"
    ? new Set([...KUBELET_CONDITIONS, "DisruptionTarget"])
    : KUBELET_CONDITIONS;
}
