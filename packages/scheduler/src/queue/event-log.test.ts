import { describe, expect, it } from "vitest";
import { EventLog } from "./event-log.ts";

const happened = (log: EventLog, what: string, uid?: string): void =>
  log.add({ event: "NodeAdd", old: undefined, current: what, ...(uid === undefined ? {} : { uid }) });
const seen = (log: EventLog, uid: string): unknown[] => log.end(uid).map(({ current }) => current);

describe("EventLog", () => {
  it("gives each pod what happened since it began", () => {
    const log = new EventLog();
    log.begin("a");
    happened(log, "1");
    log.begin("b");
    happened(log, "2");
    expect(seen(log, "a")).toEqual(["1", "2"]);
    happened(log, "3");
    expect(seen(log, "b")).toEqual(["2", "3"]);
  });

  it("keeps what concerns one pod from the others", () => {
    const log = new EventLog();
    log.begin("a");
    log.begin("b");
    happened(log, "of a", "a");
    expect(seen(log, "b")).toEqual([]);
    expect(seen(log, "a")).toEqual(["of a"]);
  });

  it("keeps nothing while no pod is under way, and gives nothing to one that is not", () => {
    const log = new EventLog();
    happened(log, "1");
    expect(log.size).toBe(0);
    expect(log.end("a")).toEqual([]);
    log.begin("a");
    happened(log, "2");
    log.drop("a");
    expect([log.size, log.has("a")]).toEqual([0, false]);
  });

  it("does not grow with pods that come and go", () => {
    const log = new EventLog();
    for (let i = 0; i < 1000; i++) {
      log.begin(`pod-${i}`);
      happened(log, String(i));
      if (i >= 10) log.drop(`pod-${i - 10}`);
    }
    expect(log.size).toBeLessThan(30);
    expect(seen(log, "pod-999")).toEqual(["999"]);
  });
});
