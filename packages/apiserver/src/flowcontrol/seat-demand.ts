/** Weight of the past in the smoothed demand, per adjustment (upstream's figure: half is forgotten in five minutes). */
const SMOOTHING = 0.977;

export interface DemandPeriod {
  readonly high: number;
  readonly average: number;
  readonly deviation: number;
  readonly smoothed: number;
}

/** A level's demand for seats over time: seats in use and seats waited for. */
export class SeatDemand {
  #value = 0;
  #high = 0;
  #since: number;
  #periodStart: number;
  #integral = 0;
  #squares = 0;
  #smoothed = 0;

  constructor(now: number) {
    this.#since = now;
    this.#periodStart = now;
  }

  set(value: number, now: number): void {
    const elapsed = now - this.#since;
    if (elapsed > 0) {
      this.#integral += this.#value * elapsed;
      this.#squares += this.#value * this.#value * elapsed;
      this.#since = now;
    }
    this.#value = value;
    if (value > this.#high) this.#high = value;
  }

  /** Ends a period and begins the next. */
  close(now: number): DemandPeriod {
    this.set(this.#value, now);
    const elapsed = now - this.#periodStart;
    const average = elapsed > 0 ? this.#integral / elapsed : this.#value;
    const variance = elapsed > 0 ? this.#squares / elapsed - average * average : 0;
    const deviation = Math.sqrt(Math.max(0, variance));
    const envelope = average + deviation;
    // Rises at once, falls slowly.
    this.#smoothed = Math.max(envelope, SMOOTHING * this.#smoothed + (1 - SMOOTHING) * envelope);
    const period = { high: this.#high, average, deviation, smoothed: this.#smoothed };
    this.#high = this.#value;
    this.#integral = 0;
    this.#squares = 0;
    this.#periodStart = now;
    return period;
  }
}
