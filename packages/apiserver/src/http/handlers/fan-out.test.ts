import { FakeClock } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { FanOut } from "./fan-out.ts";

/** A clock whose monotonic time tests move while a round is under way. */
class BusyClock extends FakeClock {
  #busy = 0;
  override monotonic(): number {
    return super.monotonic() + this.#busy;
  }
  work(ms: number): void {
    this.#busy += ms;
  }
}

const turn = (): Promise<void> => Promise.resolve();

describe("FanOut", () => {
  it("writes within the turn, each once, while that is quick", async () => {
    const fanOut = new FanOut(new BusyClock());
    const written: string[] = [];
    for (let round = 0; round < 3; round++) {
      fanOut.schedule(() => written.push(`a${round}`));
      fanOut.schedule(() => written.push(`b${round}`));
      expect(written).toHaveLength(2 * round);
      await turn();
      expect(written.slice(2 * round)).toEqual([`a${round}`, `b${round}`]);
    }
  });

  it("waits after a long round for as long as that took", async () => {
    const clock = new BusyClock();
    const fanOut = new FanOut(clock);
    fanOut.schedule(() => clock.work(10));
    await turn();
    let written = 0;
    fanOut.schedule(() => written++);
    fanOut.schedule(() => written++);
    await turn();
    await clock.advance(9);
    expect(written).toBe(0);
    await clock.advance(1);
    expect(written).toBe(2);
  });

  it("never waits longer than 40 ms", async () => {
    const clock = new BusyClock();
    const fanOut = new FanOut(clock);
    fanOut.schedule(() => clock.work(5000));
    await turn();
    let written = false;
    fanOut.schedule(() => (written = true));
    await clock.advance(40);
    expect(written).toBe(true);
  });

  it("does not wait for what is long over", async () => {
    const clock = new BusyClock();
    const fanOut = new FanOut(clock);
    fanOut.schedule(() => clock.work(10));
    await turn();
    await clock.advance(11);
    let written = false;
    fanOut.schedule(() => (written = true));
    await turn();
    expect(written).toBe(true);
  });
});
