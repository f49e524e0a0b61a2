// Fair queuing of one priority level: who runs now, who waits in which queue, who is next. Pure but for the time given.
import { SeatDemand } from "./seat-demand.ts";

/** How long a request is thought to take before it has shown how long it does (upstream's figure). */
const ESTIMATED_SERVICE_MS = 3;

export interface QueuingConfig {
  readonly queues: number;
  readonly handSize: number;
  readonly queueLengthLimit: number;
}

export type RejectReason = "queue-full" | "concurrency-limit" | "time-out" | "cancelled";

interface Queue {
  readonly index: number;
  readonly waiting: Ticket[];
  waitingSeats: number;
  executing: number;
  seatsInUse: number;
  /** Virtual time at which the next request of this queue starts, if it is served fairly. */
  nextDispatchR: number;
}

/** One request's place in a level. */
export interface Ticket {
  readonly seats: number;
  readonly arrivedAt: number;
  /** -1: not dispatched yet. */
  startedAt: number;
  readonly queue: Queue | undefined;
  /** Called, once, when a waiting request may go on. */
  onDispatch: (() => void) | undefined;
  state: "waiting" | "executing" | "done";
}

export interface QueueSummary {
  readonly index: number;
  readonly waiting: readonly Ticket[];
  readonly waitingSeats: number;
  readonly executing: number;
  readonly seatsInUse: number;
  readonly nextDispatchR: number;
}

/**
 * The virtual clock R runs at the rate at which each busy queue would be served if all were served at once; a queue
 * whose next request would end first by that clock goes first. So flows get equal seat-time, whoever asks more often.
 */
export class QueueSet {
  readonly demand: SeatDemand;
  #config: QueuingConfig | undefined;
  #limit: number;
  readonly #queues: Queue[] = [];
  #robin = 0;
  #waiting = 0;
  #waitingSeats = 0;
  #executing = 0;
  #seatsInUse = 0;
  #busyQueues = 0;
  #r = 0;
  #at: number;
  dispatched = 0;
  readonly rejected: Record<RejectReason, number> = {
    "queue-full": 0,
    "concurrency-limit": 0,
    "time-out": 0,
    cancelled: 0,
  };

  /** Without `config` what cannot run at once is rejected. */
  constructor(config: QueuingConfig | undefined, limit: number, now: number) {
    this.#limit = limit;
    this.#at = now;
    this.demand = new SeatDemand(now);
    this.setConfig(config);
  }

  /** Queues that are no longer wanted are emptied by and by. */
  setConfig(config: QueuingConfig | undefined): void {
    this.#config = config;
    for (let index = this.#queues.length; index < (config?.queues ?? 0); index++) {
      this.#queues.push({ index, waiting: [], waitingSeats: 0, executing: 0, seatsInUse: 0, nextDispatchR: 0 });
    }
  }

  /** Changes the seats there are; more seats let waiting requests go. */
  setLimit(limit: number, now: number): void {
    this.#advance(now);
    this.#limit = limit;
    this.#dispatch(now);
  }

  get config(): QueuingConfig | undefined {
    return this.#config;
  }

  get limit(): number {
    return this.#limit;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get executing(): number {
    return this.#executing;
  }

  get seatsInUse(): number {
    return this.#seatsInUse;
  }

  get busyQueues(): number {
    return this.#busyQueues;
  }

  /** A ticket that executes already or waits (set `onDispatch`), or why there is none. `hand`: the flow's queues. */
  arrive(seats: number, hand: readonly number[], now: number): Ticket | RejectReason {
    this.#advance(now);
    const fits = this.#fits(seats);
    const queue = this.#config === undefined ? undefined : this.#shortest(hand);
    if (queue === undefined) {
      if (!fits) return this.#reject("concurrency-limit");
      const ticket = newTicket(seats, undefined, now);
      this.#start(ticket, now);
      return ticket;
    }
    const limit = this.#config?.queueLengthLimit ?? 0;
    if (queue.waiting.length >= limit && !(fits && this.#waiting === 0)) return this.#reject("queue-full");
    if (queue.waiting.length === 0 && queue.executing === 0) {
      queue.nextDispatchR = this.#r;
      this.#busyQueues++;
    }
    const ticket = newTicket(seats, queue, now);
    if (fits && this.#waiting === 0) {
      this.#start(ticket, now);
      return ticket;
    }
    queue.waiting.push(ticket);
    queue.waitingSeats += seats;
    this.#waiting++;
    this.#waitingSeats += seats;
    this.#measure(now);
    this.#dispatch(now);
    return ticket;
  }

  /** A waiting request gives up. */
  abandon(ticket: Ticket, reason: RejectReason, now: number): void {
    if (ticket.state !== "waiting") return;
    this.#advance(now);
    this.#unqueue(ticket);
    ticket.state = "done";
    ticket.onDispatch = undefined;
    this.#reject(reason);
    this.#idle(ticket.queue);
    this.#measure(now);
    // It may have stood in front of one that fits.
    this.#dispatch(now);
  }

  finish(ticket: Ticket, now: number): void {
    if (ticket.state !== "executing") return;
    this.#advance(now);
    ticket.state = "done";
    this.#executing--;
    this.#seatsInUse -= ticket.seats;
    const { queue } = ticket;
    if (queue !== undefined) {
      queue.executing--;
      queue.seatsInUse -= ticket.seats;
      queue.nextDispatchR += (now - ticket.startedAt - ESTIMATED_SERVICE_MS) * ticket.seats;
      this.#idle(queue);
    }
    this.#measure(now);
    if (this.#waiting > 0) this.#dispatch(now);
  }

  *queues(): Generator<QueueSummary> {
    yield* this.#queues;
  }

  #reject(reason: RejectReason): RejectReason {
    this.rejected[reason]++;
    return reason;
  }

  #advance(now: number): void {
    if (this.#busyQueues > 0) {
      const rate = Math.min(this.#seatsInUse + this.#waitingSeats, this.#limit) / this.#busyQueues;
      this.#r += (now - this.#at) * rate;
    }
    this.#at = now;
  }

  /** A request wider than the level runs alone. */
  #fits(seats: number): boolean {
    if (this.#limit <= 0) return false;
    return seats > this.#limit ? this.#seatsInUse === 0 : this.#seatsInUse + seats <= this.#limit;
  }

  #shortest(hand: readonly number[]): Queue | undefined {
    let best: Queue | undefined;
    let least = Infinity;
    for (const index of hand) {
      const queue = this.#queues[index];
      if (queue === undefined) continue;
      const load = queue.waitingSeats + queue.seatsInUse;
      if (load < least) {
        best = queue;
        least = load;
      }
    }
    return best;
  }

  #dispatch(now: number): void {
    while (this.#waiting > 0) {
      const ticket = this.#next();
      // Nobody overtakes the one whose turn it is, or wide requests would never run.
      if (ticket === undefined || !this.#fits(ticket.seats)) return;
      this.#unqueue(ticket);
      this.#robin = ((ticket.queue?.index ?? 0) + 1) % this.#queues.length;
      this.#start(ticket, now);
      const go = ticket.onDispatch;
      ticket.onDispatch = undefined;
      go?.();
    }
  }

  /** The head that would end first by the virtual clock; equal ones in turn. */
  #next(): Ticket | undefined {
    let best: Ticket | undefined;
    let earliest = Infinity;
    for (let i = 0; i < this.#queues.length; i++) {
      const queue = this.#queues[(this.#robin + i) % this.#queues.length];
      const head = queue?.waiting[0];
      if (queue === undefined || head === undefined) continue;
      const end = queue.nextDispatchR + head.seats * ESTIMATED_SERVICE_MS;
      if (end < earliest) {
        best = head;
        earliest = end;
      }
    }
    return best;
  }

  #start(ticket: Ticket, now: number): void {
    ticket.state = "executing";
    ticket.startedAt = now;
    this.dispatched++;
    this.#executing++;
    this.#seatsInUse += ticket.seats;
    const { queue } = ticket;
    if (queue !== undefined) {
      queue.executing++;
      queue.seatsInUse += ticket.seats;
      queue.nextDispatchR += ticket.seats * ESTIMATED_SERVICE_MS;
    }
    this.#measure(now);
  }

  #unqueue(ticket: Ticket): void {
    const { queue } = ticket;
    const at = queue?.waiting.indexOf(ticket) ?? -1;
    if (queue === undefined || at < 0) return;
    queue.waiting.splice(at, 1);
    queue.waitingSeats -= ticket.seats;
    this.#waiting--;
    this.#waitingSeats -= ticket.seats;
  }

  #idle(queue: Queue | undefined): void {
    if (queue !== undefined && queue.waiting.length === 0 && queue.executing === 0) this.#busyQueues--;
  }

  #measure(now: number): void {
    this.demand.set(this.#seatsInUse + this.#waitingSeats, now);
  }
}

function newTicket(seats: number, queue: Queue | undefined, now: number): Ticket {
  return { seats, arrivedAt: now, startedAt: -1, queue, onDispatch: undefined, state: "waiting" };
}
