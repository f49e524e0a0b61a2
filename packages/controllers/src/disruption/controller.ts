import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "@knots/api/policy/v1";
import { podDisruptionBudgets } from "@knots/api/policy/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { formatLabelSelector, isNotFound, selectorFromLabelSelector } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { ownedInformer } from "../framework/informers.ts";
import { metaOf } from "../framework/objects.ts";
import { OwnWrites } from "../framework/own-writes.ts";
import { messageOf } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { ScaleFinder } from "./scale.ts";
import { disruptionStatus, failSafeStatus, needsScale } from "./status.ts";
import type { DisruptionResult } from "./status.ts";

/** Tells, for each PodDisruptionBudget, how many pods an eviction may take now. */
export class DisruptionController {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #pods: Informer<Pod>;
  readonly #scales: ScaleFinder;
  readonly #recorder: EventRecorder;
  readonly #writes = new OwnWrites();

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#budgets = ctx.informers.informer(podDisruptionBudgets);
    this.#pods = ownedInformer(ctx, pods);
    this.#scales = new ScaleFinder(ctx);
    this.#recorder = ctx.recorder("controllermanager");
    this.controller = new QueueController({
      name: "disruption-controller",
      ctx,
      workers: 1,
      reconcile: (key) => this.reconcile(key),
    });
    const enqueue = (budget: PodDisruptionBudget): void => this.controller.enqueue(budget);
    const podChanged = (pod: Pod): void => {
      for (const budget of this.#budgets.lister.list(pod.metadata?.namespace ?? "")) {
        if (selects(budget, pod)) enqueue(budget);
      }
    };
    this.controller.own(
      this.#budgets.addHandler({ add: enqueue, update: (_old, budget) => enqueue(budget), delete: enqueue }),
    );
    this.controller.own(
      this.#pods.addHandler({
        add: podChanged,
        update: (old, pod) => {
          podChanged(pod);
          if (!semanticEqual(old.metadata?.labels, pod.metadata?.labels)) podChanged(old);
        },
        delete: podChanged,
      }),
    );
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const budget = this.#budgets.lister.get(key);
    if (budget === undefined || this.#writes.isStale(budget)) return;
    const { namespace } = metaOf(budget);
    const now = this.#ctx.clock.now();
    const selected = this.#pods.lister.list(namespace).filter((pod) => selects(budget, pod));
    if (selected.length === 0) this.#recorder.event(budget, "Normal", "NoPods", "No matching pods found");
    let result: DisruptionResult;
    try {
      const { replicas, unmanaged } = needsScale(budget)
        ? await this.#scales.expected(selected)
        : { replicas: 0, unmanaged: [] };
      if (unmanaged.length > 0) this.#recorder.event(budget, "Warning", "UnmanagedPods", unmanagedMessage(budget));
      result = disruptionStatus({ budget, pods: selected, expectedScale: replicas, now });
    } catch (error) {
      const message = messageOf(error);
      this.#recorder.event(
        budget,
        "Warning",
        "CalculateExpectedPodCountFailed",
        `Failed to calculate the number of expected pods: ${message}`,
      );
      await this.#write(budget, failSafeStatus(budget, message, now));
      throw error;
    }
    for (const pod of result.notDeleted) {
      const message = `Pod was expected by PDB ${key} to be deleted but it wasn't`;
      this.#recorder.event(pod, "Warning", "NotDeleted", message);
    }
    await this.#write(budget, result.status);
    if (result.recheckAfterMs !== undefined) return { requeueAfterMs: result.recheckAfterMs };
  }

  /** A conflict is not mended by force: the eviction that caused it has written to disruptedPods. */
  async #write(budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus): Promise<void> {
    if (semanticEqual(budget.status, status)) return;
    const client = this.#ctx.client.resource(podDisruptionBudgets, metaOf(budget).namespace);
    try {
      this.#writes.note(await client.updateStatus({ ...budget, status }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

// An empty selector selects every pod of the namespace, an absent one none (policy/v1).
function selects(budget: PodDisruptionBudget, pod: Pod): boolean {
  return selectorFromLabelSelector(budget.spec?.selector).matches(pod.metadata?.labels ?? {});
}

function unmanagedMessage({ spec }: PodDisruptionBudget): string {
  return (
    `Pods selected by this PodDisruptionBudget (selector: ${formatLabelSelector(spec?.selector)}) were found to be unmanaged. ` +
    "As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. " +
    'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
  );
}

export const disruptionController: ControllerInitializer = {
  name: "disruption-controller",
  enabledByDefault: true,
  init: (ctx) => new DisruptionController(ctx).controller,
};
