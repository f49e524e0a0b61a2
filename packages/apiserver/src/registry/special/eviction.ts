import type { Pod, PodCondition } from "@knots/api/core/v1";
import type { PodDisruptionBudget } from "@knots/api/policy/v1";
import { podDisruptionBudgets } from "@knots/api/policy/v1";
import {
  formatTime,
  isPodReady,
  newConflict,
  newTooManyRequests,
  selectorFromLabelSelector,
  StatusError,
} from "@knots/machinery";
import type { Clock } from "@knots/machinery";
import { checkPreconditions } from "../deletion.ts";
import type { DeleteOptions } from "../deletion.ts";
import { withMetadata } from "../metadata.ts";
import type { Operation } from "../operation.ts";
import type { Registry } from "../registry.ts";

/** More pods than this waiting in disruptedPods mean that the controller does not keep up. */
const MAX_DISRUPTED_PODS = 2000;

/**
 * Deletes a pod if its disruption budget allows it (upstream: EvictionREST). Throws TooManyRequests when it does not
 * at the moment, a StatusError of code 500 when several budgets select the pod.
 */
export async function evictPod(
  registry: Registry,
  op: Operation,
  clock: Clock,
  namespace: string,
  name: string,
  options: DeleteOptions,
): Promise<void> {
  const pods = registry.storageFor({ group: "", resource: "pods" });
  const pod = pods.get(namespace, name).object as Pod;
  if (!bypassesBudget(pod)) {
    const budgets = budgetsOf(registry, namespace, pod);
    if (budgets.length > 1) throw newTooManyBudgets();
    const [budget] = budgets;
    if (budget !== undefined && costsBudget(pod, budget)) await takeFrom(registry, op, clock, pod, budget);
  }
  // Whatever happens meanwhile, only the pod that was looked at may go.
  const preconditions = { uid: pod.metadata?.uid ?? "", ...options.preconditions };
  checkPreconditions({ group: "", kind: "Pod" }, withMetadata(pod), preconditions);
  if (!op.dryRun) await markDisrupted(registry, clock, namespace, name);
  await pods.delete(op, namespace, name, { ...options, preconditions: { uid: preconditions.uid } });
}

/** A mistake of whoever wrote the budgets, not of this server: upstream's 500 has no reason and no prefix. */
function newTooManyBudgets(): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    code: 500,
  });
}

/** Pods that have ended, have not started or are going anyway cost no budget. */
function bypassesBudget(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return (
    phase === "Succeeded" || phase === "Failed" || phase === "Pending" || pod.metadata?.deletionTimestamp !== undefined
  );
}

function budgetsOf(registry: Registry, namespace: string, pod: Pod): PodDisruptionBudget[] {
  return registry
    .list(podDisruptionBudgets, namespace)
    .filter((budget) => selectorFromLabelSelector(budget.spec?.selector).matches(pod.metadata?.labels ?? {}));
}

/** An unhealthy pod costs nothing when the healthy ones are enough, or always, as the budget's policy says. */
function costsBudget(pod: Pod, budget: PodDisruptionBudget): boolean {
  if (isPodReady(pod)) return true;
  if (budget.spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return false;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return !(desiredHealthy > 0 && currentHealthy >= desiredHealthy);
}

/** Books a disruption in the budget's status, or throws. */
async function takeFrom(
  registry: Registry,
  op: Operation,
  clock: Clock,
  pod: Pod,
  budget: PodDisruptionBudget,
): Promise<void> {
  const { name = "", namespace = "" } = budget.metadata ?? {};
  const storage = registry.storageFor(podDisruptionBudgets);
  await storage.update(
    { ...registry.system("status"), dryRun: op.dryRun },
    {
      namespace,
      name,
      forceUnconditional: true,
      retryOnConflict: true,
      transform(current) {
        const next = structuredClone(current) as PodDisruptionBudget & { metadata: object };
        checkBudget(next);
        const was = next.status;
        next.status = {
          ...was,
          currentHealthy: was?.currentHealthy ?? 0,
          desiredHealthy: was?.desiredHealthy ?? 0,
          expectedPods: was?.expectedPods ?? 0,
          disruptionsAllowed: (was?.disruptionsAllowed ?? 0) - 1,
          disruptedPods: { ...was?.disruptedPods, [pod.metadata?.name ?? ""]: formatTime(new Date(clock.now())) },
        };
        return next;
      },
    },
  );
}

function checkBudget(budget: PodDisruptionBudget): void {
  const name = budget.metadata?.name ?? "";
  const { status } = budget;
  if ((status?.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) {
    throw withCause(
      newTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 10),
      `The disruption budget ${name} is still being processed by the server.`,
    );
  }
  if (Object.keys(status?.disruptedPods ?? {}).length > MAX_DISRUPTED_PODS) {
    throw newConflict(
      { group: "policy", resource: "poddisruptionbudgets" },
      name,
      "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
    );
  }
  if ((status?.disruptionsAllowed ?? 0) <= 0) {
    throw withCause(
      newTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0),
      `The disruption budget ${name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`,
    );
  }
}

function withCause(
  error: ReturnType<typeof newTooManyRequests>,
  message: string,
): ReturnType<typeof newTooManyRequests> {
  error.status.details = { ...error.status.details, causes: [{ reason: "DisruptionBudget", message }] };
  return error;
}

/** The condition that tells later readers why the pod went. */
async function markDisrupted(registry: Registry, clock: Clock, namespace: string, name: string): Promise<void> {
  const condition: PodCondition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
    lastTransitionTime: formatTime(new Date(clock.now())),
  };
  await registry.storageFor({ group: "", resource: "pods" }).update(registry.system("status"), {
    namespace,
    name,
    forceUnconditional: true,
    retryOnConflict: true,
    transform(current) {
      const next = structuredClone(current) as Pod & { metadata: object };
      const conditions = (next.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
      next.status = { ...next.status, conditions: [...conditions, condition] };
      return next;
    },
  });
}
