import { describe, expect, it } from "vitest";
import { Backoff } from "./backoff.ts";

describe("Backoff", () => {
  it("doubles from 10 s to 5 min and starts over after 10 quiet minutes", () => {
    let now = 0;
    const backoff = new Backoff({ baseMs: 10_000, maxMs: 300_000, now: () => now });
    expect(backoff.remaining("k", now)).toBe(0);
    const delays: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      backoff.next("k", now);
      delays.push(backoff.get("k"));
      now += backoff.get("k");
    }
    expect(delays).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    now += 700_000;
    expect(backoff.remaining("k", now)).toBe(0);
    backoff.next("k", now);
    expect(backoff.get("k")).toBe(10_000);
  });

  it("counts the wait from the event, not from the call", () => {
    let now = 100_000;
    const backoff = new Backoff({ baseMs: 10_000, maxMs: 300_000, now: () => now });
    backoff.next("k", 100_000);
    now = 104_000;
    expect(backoff.remaining("k", 103_000)).toBe(9_000);
    expect(backoff.remainingSinceUpdate("k")).toBe(6_000);
    now = 113_000;
    expect(backoff.remaining("k", 103_000)).toBe(0);
  });
});
