import type { PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";
import { sharesOf } from "./limits.ts";
import type { Limits, Shares } from "./limits.ts";
import { QueueSet } from "./queue-set.ts";
import type { QueuingConfig } from "./queue-set.ts";
import { maxSeats } from "./work-estimator.ts";

const DEFAULT_QUEUING = { queues: 64, handSize: 8, queueLengthLimit: 50 };
/** Seats of a level without limits: more than there can be requests. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

export interface LastAdjustment {
  readonly high: number;
  readonly average: number;
  readonly deviation: number;
  readonly smoothed: number;
  readonly target: number;
}

/** One priority level at work: its configuration, its seats and who has them. */
export class PriorityLevel {
  readonly name: string;
  readonly queues: QueueSet;
  #configuration: PriorityLevelConfiguration;
  #shares: Shares;
  #limits: Limits = { nominal: 0, min: 0, max: 0 };
  #current = 0;
  maxSeats = 1;
  /** Its configuration is gone; requests that are here are finished. */
  quiescing = false;
  last: LastAdjustment = { high: 0, average: 0, deviation: 0, smoothed: 0, target: 0 };

  constructor(configuration: PriorityLevelConfiguration, now: number) {
    this.name = configuration.metadata?.name ?? "";
    this.#configuration = configuration;
    this.#shares = sharesOf(configuration);
    this.queues = new QueueSet(queuingOf(configuration), this.exempt ? UNLIMITED : 0, now);
  }

  get uid(): string {
    return this.#configuration.metadata?.uid ?? "";
  }

  get exempt(): boolean {
    return this.#shares.exempt;
  }

  get shares(): Shares {
    return this.#shares;
  }

  get limits(): Limits {
    return this.#limits;
  }

  get current(): number {
    return this.#current;
  }

  configure(configuration: PriorityLevelConfiguration): void {
    this.#configuration = configuration;
    this.#shares = sharesOf(configuration);
    this.queues.setConfig(queuingOf(configuration));
    this.quiescing = false;
  }

  /** New limits by configuration; what is borrowed is kept as far as it goes. */
  setLimits(limits: Limits, now: number): void {
    const first = this.#limits.nominal === 0 && this.#limits.max === 0;
    this.#limits = limits;
    this.maxSeats = maxSeats(limits.nominal);
    this.setCurrent(first ? limits.nominal : Math.min(limits.max, Math.max(limits.min, this.#current)), now);
  }

  setCurrent(current: number, now: number): void {
    this.#current = current;
    this.queues.setLimit(this.exempt ? UNLIMITED : current, now);
  }
}

function queuingOf(configuration: PriorityLevelConfiguration): QueuingConfig | undefined {
  const response = configuration.spec?.limited?.limitResponse;
  if (configuration.spec?.type === "Exempt" || response?.type !== "Queue") return undefined;
  return { ...DEFAULT_QUEUING, ...response.queuing };
}
