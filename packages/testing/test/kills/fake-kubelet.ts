import { pods, type Pod } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import { formatTime, isConflict, isNotFound, type Clock } from "@knots/machinery";

/** How a pod goes on when it runs: it goes on running, or its containers end. */
export type Outcome = "runs" | "succeeds" | "fails";

/** Moves the pods of a namespace along as a kubelet would, one step each time it is asked to. It is never killed. */
export class FakeKubelet {
  readonly #client: Client;
  readonly #namespace: string;
  readonly #clock: Clock;
  readonly #outcome: (pod: Pod) => Outcome;
  readonly #ended = new Set<string>();

  constructor(client: Client, namespace: string, clock: Clock, outcome: (pod: Pod) => Outcome = () => "runs") {
    this.#client = client;
    this.#namespace = namespace;
    this.#clock = clock;
    this.#outcome = outcome;
  }

  /** The number of pods that were changed. */
  async step(): Promise<number> {
    const { items } = await this.#client.resource(pods, this.#namespace).list();
    const changed = await Promise.all(items.map((pod) => this.#move(pod)));
    return changed.filter(Boolean).length;
  }

  async #move(pod: Pod): Promise<boolean> {
    const name = pod.metadata?.name ?? "";
    const resource = this.#client.resource(pods, this.#namespace);
    try {
      const terminal = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
      if (pod.metadata?.deletionTimestamp !== undefined) {
        if (!terminal && (pod.metadata.finalizers ?? []).length > 0) {
          await resource.updateStatus({ ...pod, status: this.#status("Failed") });
          return true;
        }
        if ((pod.metadata.deletionGracePeriodSeconds ?? 0) === 0 && (pod.metadata.finalizers ?? []).length > 0)
          return false;
        await resource.delete(name, { gracePeriodSeconds: 0 });
        return true;
      }
      // Nobody runs a pod that has no node.
      if (terminal || !pod.spec?.nodeName) return false;
      if (pod.status?.phase !== "Running") {
        await resource.updateStatus({ ...pod, status: this.#status("Running") });
        return true;
      }
      const uid = pod.metadata?.uid ?? "";
      if (this.#ended.has(uid)) return false;
      const outcome = this.#outcome(pod);
      this.#ended.add(uid);
      if (outcome === "runs") return false;
      await resource.updateStatus({ ...pod, status: this.#status(outcome === "fails" ? "Failed" : "Succeeded") });
      return true;
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return true;
      throw error;
    }
  }

  #status(phase: "Running" | "Succeeded" | "Failed"): NonNullable<Pod["status"]> {
    const now = formatTime(new Date(this.#clock.now()));
    const state =
      phase === "Running"
        ? { running: { startedAt: now } }
        : { terminated: { exitCode: phase === "Failed" ? 1 : 0, startedAt: now, finishedAt: now } };
    return {
      phase,
      startTime: now,
      conditions: [{ type: "Ready", status: phase === "Running" ? "True" : "False", lastTransitionTime: now }],
      containerStatuses: [{ name: "c", image: "x", imageID: "x", ready: phase === "Running", restartCount: 0, state }],
    };
  }
}
