import { CostExceeded } from "./errors.ts";
import type { CelError } from "./errors.ts";
import type { Value } from "./values.ts";

/** Where variables get their values from. */
export interface Activation {
  /** Undefined when there is no such variable. */
  get(name: string): Value | undefined;
}

/** The state of one evaluation. */
export class Frame {
  readonly activation: Activation;
  /** Variables of comprehensions, by slot; an accumulator may hold an error. */
  readonly locals: (Value | CelError)[] = [];
  cost = 0;
  readonly #limit: number;

  constructor(activation: Activation, limit: number) {
    this.activation = activation;
    this.#limit = limit;
  }

  /** Throws CostExceeded beyond the limit. */
  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.#limit) throw new CostExceeded();
  }
}

export type Step = (frame: Frame) => Value;
