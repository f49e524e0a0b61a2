import type { HorizontalPodAutoscalerCondition } from "@knots/api/autoscaling/v2";
import { MetricError } from "./evaluate.ts";
import type { Proposal } from "./evaluate.ts";

export interface Combined {
  /** Undefined: nothing can be said, the scale stays. */
  readonly replicas: number | undefined;
  readonly metric: string;
  readonly condition: Pick<HorizontalPodAutoscalerCondition, "type" | "status" | "reason" | "message">;
  /** The first metric that failed, and how many did. */
  readonly error: string | undefined;
}

/** The most that any metric asks for; where some failed nothing is scaled down, where all did nothing at all. Pure. */
export function combine(results: readonly (Proposal | MetricError)[], current: number): Combined {
  const failed = results.filter((each) => each instanceof MetricError);
  let best: Proposal | undefined;
  for (const each of results)
    if (!(each instanceof MetricError) && (best === undefined || each.replicas > best.replicas)) best = each;
  const [first] = failed;
  const error =
    first === undefined
      ? undefined
      : `invalid metrics (${failed.length} invalid out of ${results.length}), first error is: ${first.summary}`;
  if (first !== undefined && (best === undefined || best.replicas < current)) {
    const message = `the HPA was unable to compute the replica count: ${first.message}`;
    const condition = { type: "ScalingActive", status: "False", reason: first.reason, message };
    return { replicas: undefined, metric: "", condition, error };
  }
  const metric = best?.name ?? "";
  const message = `the HPA was able to successfully calculate a replica count from ${metric}`;
  return {
    replicas: best?.replicas ?? 0,
    metric,
    condition: { type: "ScalingActive", status: "True", reason: "ValidMetricFound", message },
    error,
  };
}
