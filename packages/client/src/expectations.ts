// What a controller knows it has done and its cache has not shown yet (client-go's ControllerExpectations).
import type { Clock } from "@knots/machinery";

interface Expected {
  creations: number;
  readonly deletions: Set<string>;
  readonly since: number;
}

/** After five minutes an event is taken for lost. */
const EXPIRES_MS = 300_000;

export class Expectations {
  readonly #clock: Clock;
  readonly #expected = new Map<string, Expected>();

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  #of(key: string): Expected {
    let expected = this.#expected.get(key);
    if (expected === undefined)
      this.#expected.set(key, (expected = { creations: 0, deletions: new Set(), since: this.#clock.monotonic() }));
    return expected;
  }

  expectCreations(key: string, count: number): void {
    this.#of(key).creations += count;
  }

  /** By uid, so that one deletion told twice counts once. */
  expectDeletions(key: string, uids: Iterable<string>): void {
    for (const uid of uids) this.#of(key).deletions.add(uid);
  }

  creationObserved(key: string): void {
    const expected = this.#expected.get(key);
    if (expected !== undefined && expected.creations > 0) expected.creations--;
    this.#settle(key);
  }

  deletionObserved(key: string, uid: string): void {
    this.#expected.get(key)?.deletions.delete(uid);
    this.#settle(key);
  }

  #settle(key: string): void {
    const expected = this.#expected.get(key);
    if (expected !== undefined && expected.creations === 0 && expected.deletions.size === 0) this.#expected.delete(key);
  }

  satisfied(key: string): boolean {
    const expected = this.#expected.get(key);
    return expected === undefined || this.#clock.monotonic() - expected.since > EXPIRES_MS;
  }

  delete(key: string): void {
    this.#expected.delete(key);
  }
}
