import type { HorizontalPodAutoscalerBehavior } from "@knots/api/autoscaling/v2";
import { longestPeriod, windows } from "./behavior.ts";
import type { Stamped } from "./behavior.ts";

/** What an autoscaler must remember between two looks. Lost on a restart, as upstream's. */
export class ScalingHistory {
  #recommendations: Stamped[] = [];
  #ups: Stamped[] = [];
  #downs: Stamped[] = [];

  get recommendations(): readonly Stamped[] {
    return this.#recommendations;
  }

  get scaleUps(): readonly Stamped[] {
    return this.#ups;
  }

  get scaleDowns(): readonly Stamped[] {
    return this.#downs;
  }

  recommend(replicas: number, at: number): void {
    this.#recommendations.push({ at, replicas });
  }

  scaled(from: number, to: number, at: number): void {
    if (to > from) this.#ups.push({ at, replicas: to - from });
    else this.#downs.push({ at, replicas: from - to });
  }

  /** Forgets what no rule looks back to. */
  prune(behavior: HorizontalPodAutoscalerBehavior | undefined, downscaleStabilization: number, now: number): void {
    const { up, down } = windows({ behavior, downscaleStabilization });
    const recommended = now - Math.max(up, down);
    const changed = now - longestPeriod(behavior);
    this.#recommendations = this.#recommendations.filter(({ at }) => at > recommended);
    this.#ups = this.#ups.filter(({ at }) => at > changed);
    this.#downs = this.#downs.filter(({ at }) => at > changed);
  }
}
