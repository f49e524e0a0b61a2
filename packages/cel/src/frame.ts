import { CostExceeded, TurnOver } from "./errors.ts";
import type { CelError } from "./errors.ts";
import type { Turns } from "./turns.ts";
import type { Value } from "./values.ts";

/** Where variables get their values from. */
export interface Activation {
  /** Undefined when there is no such variable. */
  get(name: string): Value | undefined;
}

/** Whether others should have their turn now. */
export type IsOver = () => boolean;

/** Units between two looks at the clock: some calls take microseconds a unit. */
const CHECK_EVERY = 200;

/** The state of one evaluation. */
export class Frame {
  readonly activation: Activation;
  /** Variables of comprehensions, by slot; an accumulator may hold an error. */
  readonly locals: (Value | CelError)[] = [];
  cost = 0;
  readonly #limit: number;
  readonly #isOver: IsOver | undefined;
  /** Whether what takes long is given up with TurnOver. */
  readonly givesUp: boolean;
  /** Cost at which to look again. */
  #next: number;

  /** `whenOver`: whether the evaluation yields when `isOver` says so, or is given up with TurnOver. */
  constructor(activation: Activation, limit: number, isOver?: IsOver, whenOver?: "yield" | "give up") {
    this.activation = activation;
    this.#limit = limit;
    this.#isOver = isOver;
    this.givesUp = whenOver === "give up";
    this.#next = this.givesUp ? Math.min(limit, CHECK_EVERY) : limit;
  }

  /** Whether to yield before the next round of a comprehension. */
  get turnIsOver(): boolean {
    return this.#isOver?.() === true;
  }

  /** Throws CostExceeded beyond the limit. */
  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.#next) this.#look();
  }

  /** Whether so much more would be beyond the limit. */
  affords(cost: number): boolean {
    return this.cost + cost <= this.#limit;
  }

  #look(): void {
    if (this.cost > this.#limit) throw new CostExceeded();
    if (this.turnIsOver) throw new TurnOver();
    this.#next = Math.min(this.#limit, this.cost + CHECK_EVERY);
  }
}

/** What a node does. */
export interface Step {
  (frame: Frame): Value;
  /** The same with pauses, where there is a comprehension in it or a call that has pauses: nothing else takes long. */
  turns?: (frame: Frame) => Turns;
}
