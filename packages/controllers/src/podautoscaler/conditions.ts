import type { HorizontalPodAutoscalerCondition } from "@knots/api/autoscaling/v2";
import { formatTime, setCondition } from "@knots/machinery";

/** The conditions of an autoscaler under work. */
export class Conditions {
  /** RFC 3339. */
  readonly now: string;
  #list: HorizontalPodAutoscalerCondition[];

  constructor(conditions: readonly HorizontalPodAutoscalerCondition[] | undefined, now: number) {
    this.now = formatTime(new Date(now));
    this.#list = [...(conditions ?? [])];
  }

  get list(): HorizontalPodAutoscalerCondition[] {
    return this.#list;
  }

  set(type: string, status: string, reason: string, message: string): void {
    this.#list = setCondition(this.#list, { type, status, reason, message }, this.now);
  }
}
