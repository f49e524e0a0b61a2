import { FakeClock } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { Turns } from "./turns.ts";

describe("Turns", () => {
  it("lets the writers of a key work one after the other, those of another at the same time", async () => {
    const clock = new FakeClock();
    const turns = new Turns(clock);
    const log: string[] = [];
    const write = (key: string, name: string): Promise<void> =>
      turns.take(key, async () => {
        log.push(`${name} begins`);
        await clock.sleep(10);
        log.push(`${name} ends`);
      });
    const all = Promise.all([write("a", "first"), write("a", "second"), write("b", "other")]);
    await clock.advance(100);
    await all;
    expect(log).toHaveLength(6);
    expect(log.indexOf("second begins")).toBeGreaterThan(log.indexOf("first ends"));
    expect(log.indexOf("other begins")).toBeLessThan(log.indexOf("first ends"));
  });

  it("lets the next begin when a turn is passed on before its end", async () => {
    const turns = new Turns(new FakeClock());
    let end = (): void => undefined;
    const first = turns.take("a", async (passOn) => {
      passOn();
      await new Promise<void>((resolve) => (end = resolve));
    });
    await expect(turns.take("a", () => Promise.resolve("second"))).resolves.toBe("second");
    end();
    await first;
  });

  it("goes on after a failure", async () => {
    const turns = new Turns(new FakeClock());
    const failed = turns.take("a", () => Promise.reject(new Error("no")));
    const next = turns.take("a", () => Promise.resolve("yes"));
    await expect(failed).rejects.toThrow("no");
    await expect(next).resolves.toBe("yes");
  });

  it("does not wait for ever", async () => {
    const clock = new FakeClock();
    const turns = new Turns(clock);
    void turns.take("a", () => new Promise(() => undefined));
    const next = turns.take("a", () => Promise.resolve("went ahead"));
    await clock.advance(1000);
    await expect(next).resolves.toBe("went ahead");
  });
});
