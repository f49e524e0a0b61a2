import { describe, expect, test } from "vitest";
import { QueueSet } from "./queue-set.ts";
import type { Ticket } from "./queue-set.ts";

const CONFIG = { queues: 4, handSize: 1, queueLengthLimit: 3 };

function ticket(result: Ticket | string): Ticket {
  if (typeof result === "string") throw new Error(`rejected: ${result}`);
  return result;
}

/** Counts seats of flows while each keeps `depth` requests, all of the same length, in the level. */
function share(flows: readonly { hand: number; depth: number; seats: number; ms: number }[], limit: number): number[] {
  const set = new QueueSet({ ...CONFIG, queueLengthLimit: 1000 }, limit, 0);
  const used = flows.map(() => 0);
  const ends: { at: number; flow: number; ticket: Ticket }[] = [];
  let now = 0;
  const ask = (flow: number): void => {
    const { seats, hand, ms } = flows[flow] ?? { seats: 0, hand: 0, ms: 0 };
    const asked = ticket(set.arrive(seats, [hand], now));
    const go = (): void => {
      ends.push({ at: now + ms, flow, ticket: asked });
      used[flow] = (used[flow] ?? 0) + seats * ms;
    };
    if (asked.state === "executing") go();
    else asked.onDispatch = go;
  };
  flows.forEach(({ depth }, flow) => {
    for (let i = 0; i < depth; i++) ask(flow);
  });
  for (let i = 0; i < 5000; i++) {
    ends.sort((a, b) => a.at - b.at);
    const end = ends.shift();
    if (end === undefined) break;
    now = end.at;
    set.finish(end.ticket, now);
    ask(end.flow);
  }
  const total = used.reduce((a, b) => a + b, 0);
  return used.map((each) => each / total);
}

describe("a level without queues", () => {
  test("refuses what does not fit", () => {
    const set = new QueueSet(undefined, 2, 0);
    const first = ticket(set.arrive(2, [], 0));
    expect(set.arrive(1, [], 1)).toBe("concurrency-limit");
    set.finish(first, 2);
    expect(ticket(set.arrive(1, [], 2)).state).toBe("executing");
    expect(set.rejected["concurrency-limit"]).toBe(1);
  });
});

describe("a level with queues", () => {
  test("runs what fits at once, in its queue's account", () => {
    const set = new QueueSet(CONFIG, 2, 0);
    expect(ticket(set.arrive(1, [0], 0)).state).toBe("executing");
    expect(ticket(set.arrive(1, [1], 0)).state).toBe("executing");
    expect(ticket(set.arrive(1, [1], 0)).state).toBe("waiting");
    expect([set.executing, set.waiting, set.busyQueues]).toEqual([2, 1, 2]);
  });

  test("lets the next one go when a seat is given back, once", () => {
    const set = new QueueSet(CONFIG, 1, 0);
    const first = ticket(set.arrive(1, [0], 0));
    const second = ticket(set.arrive(1, [0], 0));
    let went = 0;
    second.onDispatch = () => went++;
    set.finish(first, 5);
    set.finish(first, 6);
    expect(went).toBe(1);
    expect([second.state, second.startedAt, set.seatsInUse]).toEqual(["executing", 5, 1]);
  });

  test("refuses when the queue is full", () => {
    const set = new QueueSet(CONFIG, 1, 0);
    set.arrive(1, [0], 0);
    for (let i = 0; i < 3; i++) expect(ticket(set.arrive(1, [0], 0)).state).toBe("waiting");
    expect(set.arrive(1, [0], 0)).toBe("queue-full");
    expect(ticket(set.arrive(1, [1], 0)).state).toBe("waiting");
  });

  test("takes the shortest queue of the hand", () => {
    const set = new QueueSet(CONFIG, 1, 0);
    const places = [0, 1, 2, 3].map(() => ticket(set.arrive(1, [2, 0, 3], 0)).queue?.index);
    expect(places).toEqual([2, 0, 3, 2]);
  });

  test("a wide request waits for its turn and is not overtaken; one wider than the level runs alone", () => {
    const set = new QueueSet(CONFIG, 3, 0);
    const running = [1, 2].map((hand) => ticket(set.arrive(1, [hand], 0)));
    const wide = ticket(set.arrive(5, [0], 0));
    const small = ticket(set.arrive(1, [0], 0));
    set.finish(running[0] as Ticket, 1);
    expect([wide.state, small.state]).toEqual(["waiting", "waiting"]);
    set.finish(running[1] as Ticket, 2);
    expect([wide.state, small.state]).toEqual(["executing", "waiting"]);
    set.finish(wide, 3);
    expect(small.state).toBe("executing");
  });

  test("one that gives up makes room for those behind it", () => {
    const set = new QueueSet(CONFIG, 2, 0);
    set.arrive(1, [1], 0);
    const wide = ticket(set.arrive(2, [0], 0));
    const small = ticket(set.arrive(1, [0], 0));
    set.abandon(wide, "time-out", 10);
    expect([wide.state, small.state]).toEqual(["done", "executing"]);
    expect(set.rejected["time-out"]).toBe(1);
    set.abandon(wide, "cancelled", 11);
    expect(set.rejected.cancelled).toBe(0);
  });

  test("more seats let waiting ones go; no seats hold all", () => {
    const set = new QueueSet(CONFIG, 0, 0);
    const waiting = [0, 1].map((hand) => ticket(set.arrive(1, [hand], 0)));
    expect(waiting.map(({ state }) => state)).toEqual(["waiting", "waiting"]);
    set.setLimit(2, 1);
    expect(waiting.map(({ state }) => state)).toEqual(["executing", "executing"]);
  });

  test("with fewer queues than before finishes what is in the old ones", () => {
    const set = new QueueSet(CONFIG, 1, 0);
    const first = ticket(set.arrive(1, [3], 0));
    const second = ticket(set.arrive(1, [3], 0));
    set.setConfig({ ...CONFIG, queues: 1 });
    set.finish(first, 1);
    expect(second.state).toBe("executing");
  });
});

describe("flows get equal seat-time", () => {
  test("however many requests they send", () => {
    const [elephant = 0, mouse = 0] = share(
      [
        { hand: 0, depth: 100, seats: 1, ms: 10 },
        { hand: 1, depth: 10, seats: 1, ms: 10 },
      ],
      4,
    );
    expect(elephant).toBeCloseTo(0.5, 1);
    expect(mouse).toBeCloseTo(0.5, 1);
  });
  test("however wide and long their requests are", () => {
    const shares = share(
      [
        { hand: 0, depth: 50, seats: 2, ms: 10 },
        { hand: 1, depth: 50, seats: 1, ms: 40 },
        { hand: 2, depth: 50, seats: 1, ms: 5 },
      ],
      8,
    );
    for (const each of shares) expect(each).toBeCloseTo(1 / 3, 1);
  });
  test("and what a light one leaves goes to the others", () => {
    const [light = 0, heavy = 0] = share(
      [
        { hand: 0, depth: 1, seats: 1, ms: 10 },
        { hand: 1, depth: 100, seats: 1, ms: 10 },
      ],
      10,
    );
    expect(light).toBeGreaterThan(0.08);
    expect(heavy).toBeGreaterThan(0.85);
  });
});
