// How fast replicas may follow what metrics ask for: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#configurable-scaling-behavior
import type { HorizontalPodAutoscalerBehavior, HPAScalingPolicy, HPAScalingRules } from "@knots/api/autoscaling/v2";

/** Something that happened at a time, ms. */
export interface Stamped {
  readonly at: number;
  /** Replicas recommended, or the change that was made. */
  readonly replicas: number;
}

export interface Scaling {
  readonly current: number;
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  readonly now: number;
  readonly behavior: HorizontalPodAutoscalerBehavior | undefined;
  readonly recommendations: readonly Stamped[];
  readonly scaleUps: readonly Stamped[];
  readonly scaleDowns: readonly Stamped[];
  /** --horizontal-pod-autoscaler-downscale-stabilization, ms. */
  readonly downscaleStabilization: number;
}

export interface Reasoned {
  readonly replicas: number;
  readonly reason: string;
  readonly message: string;
}

export interface Normalized {
  readonly stabilized: Reasoned;
  readonly limited: Reasoned;
}

const IN_RANGE = {
  reason: "DesiredWithinRange",
  message: "the desired count is within the acceptable range",
};
const TOO_FAST = {
  reason: "ScaleUpLimit",
  message: "the desired replica count is increasing faster than the maximum scale rate",
};
const TOO_MANY = {
  reason: "TooManyReplicas",
  message: "the desired replica count is more than the maximum replica count",
};
const TOO_FAST_DOWN = {
  reason: "ScaleDownLimit",
  message: "the desired replica count is decreasing faster than the maximum scale rate",
};
const TOO_FEW = {
  reason: "TooFewReplicas",
  message: "the desired replica count is less than the minimum replica count",
};
const READY = { reason: "ReadyForNewScale", message: "recommended size matches current size" };
const STABILIZED_DOWN = {
  reason: "ScaleDownStabilized",
  message: "recent recommendations were higher than current one, applying the highest recent recommendation",
};
const STABILIZED_UP = {
  reason: "ScaleUpStabilized",
  message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
};

/** The replicas to set, of those the metrics ask for. Pure. */
export function normalize(scaling: Scaling): Normalized {
  const stabilized = stabilize(scaling);
  const limit = scaling.behavior === undefined ? limitByDefault : limitByRules;
  return { stabilized, limited: limit({ ...scaling, desired: stabilized.replicas }) };
}

/** Ms for which scaling up and down wait for a lasting recommendation. */
export function windows({ behavior, downscaleStabilization }: Pick<Scaling, "behavior" | "downscaleStabilization">): {
  up: number;
  down: number;
} {
  const { scaleUp, scaleDown } = behavior ?? {};
  return {
    up: (scaleUp?.stabilizationWindowSeconds ?? 0) * 1000,
    down:
      scaleDown?.stabilizationWindowSeconds === undefined
        ? downscaleStabilization
        : scaleDown.stabilizationWindowSeconds * 1000,
  };
}

function stabilize(scaling: Scaling): Reasoned {
  const { current, desired, now, recommendations, behavior } = scaling;
  const { up, down } = windows(scaling);
  const since = (window: number): number[] =>
    recommendations.filter(({ at }) => at > now - window).map(({ replicas }) => replicas);
  const highest = Math.max(desired, ...since(down));
  if (behavior === undefined)
    return highest === desired ? { replicas: desired, ...READY } : { replicas: highest, ...STABILIZED_DOWN };
  const lowest = Math.min(desired, ...since(up));
  const replicas = current < lowest ? lowest : current > highest ? highest : current;
  if (replicas === desired) return { replicas, ...READY };
  return { replicas, ...(desired >= current ? STABILIZED_UP : STABILIZED_DOWN) };
}

/** Without rules: at most twice as many, or four, at once. */
function limitByDefault({ current, desired, min, max }: Scaling): Reasoned {
  const rate = Math.max(2 * current, 4);
  if (desired < min) return { replicas: min, ...TOO_FEW };
  if (max > rate) {
    if (desired > rate) return { replicas: rate, ...TOO_FAST };
  } else if (desired > max) return { replicas: max, ...TOO_MANY };
  return { replicas: desired, ...IN_RANGE };
}

function limitByRules(scaling: Scaling): Reasoned {
  const { current, desired, min, max } = scaling;
  if (desired > current) {
    const rate = Math.max(current, upLimit(scaling));
    if (max > rate) {
      if (desired > rate) return { replicas: rate, ...TOO_FAST };
    } else if (desired > max) return { replicas: max, ...TOO_MANY };
  } else if (desired < current) {
    const rate = Math.min(current, downLimit(scaling));
    if (min < rate) {
      if (desired < rate) return { replicas: rate, ...TOO_FAST_DOWN };
    } else if (desired < min) return { replicas: min, ...TOO_FEW };
  }
  return { replicas: desired, ...IN_RANGE };
}

const DEFAULT_UP: HPAScalingRules = {
  selectPolicy: "Max",
  policies: [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ],
};
const DEFAULT_DOWN: HPAScalingRules = {
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
};

/** How many there were when the policy's period began. */
function startOf({ current, scaleUps, scaleDowns, now }: Scaling, { periodSeconds }: HPAScalingPolicy): number {
  const made = (events: readonly Stamped[]): number =>
    events.filter(({ at }) => at > now - periodSeconds * 1000).reduce((sum, { replicas }) => sum + replicas, 0);
  return current - made(scaleUps) + made(scaleDowns);
}

function upLimit(scaling: Scaling): number {
  const { selectPolicy, policies = [] } = { ...DEFAULT_UP, ...scaling.behavior?.scaleUp };
  if (selectPolicy === "Disabled") return scaling.current;
  const proposals = policies.map((policy) => {
    const start = startOf(scaling, policy);
    // The proposal must be above the start: three pods and 10 % make four.
    return policy.type === "Pods" ? start + policy.value : Math.ceil(start * (1 + policy.value / 100));
  });
  return selectPolicy === "Min" ? Math.min(...proposals) : Math.max(...proposals);
}

function downLimit(scaling: Scaling): number {
  const { selectPolicy, policies = [] } = { ...DEFAULT_DOWN, ...scaling.behavior?.scaleDown };
  if (selectPolicy === "Disabled") return scaling.current;
  const proposals = policies.map((policy) => {
    const start = startOf(scaling, policy);
    return policy.type === "Pods" ? start - policy.value : Math.trunc(start * (1 - policy.value / 100));
  });
  // The policy that allows the greatest change leaves the fewest.
  return selectPolicy === "Min" ? Math.max(...proposals) : Math.min(...proposals);
}

/** Ms for which changes must be remembered. */
export function longestPeriod(behavior: HorizontalPodAutoscalerBehavior | undefined): number {
  const policies = [
    ...(behavior?.scaleUp?.policies ?? DEFAULT_UP.policies ?? []),
    ...(behavior?.scaleDown?.policies ?? DEFAULT_DOWN.policies ?? []),
  ];
  return Math.max(0, ...policies.map(({ periodSeconds }) => periodSeconds * 1000));
}
