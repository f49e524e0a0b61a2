/** Steps between two pauses: a fraction of a millisecond. */
const STEPS = 20_000;

/** Counts what has been done since others last had their turn. */
export class Work {
  #steps = 0;

  /** Whether to make a pause now. */
  add(steps: number): boolean {
    this.#steps += steps;
    if (this.#steps < STEPS) return false;
    this.#steps = 0;
    return true;
  }
}
