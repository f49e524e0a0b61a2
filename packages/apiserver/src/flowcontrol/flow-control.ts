// API Priority and Fairness: gives each request its flow and level, and lets it in now, later or not at all.
import type { Clock } from "@knots/machinery";
import type { FlowSchema, PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";
import type { UserInfo } from "../auth/types.ts";
import type { RequestInfo } from "../http/request-info.ts";
import { byPrecedence, compileSchema, distinguisherOf } from "./classify.ts";
import type { Matcher } from "./classify.ts";
import { MANDATORY_LEVELS, MANDATORY_SCHEMAS } from "./defaults.ts";
import { FlowCache } from "./flow-cache.ts";
import { FlowFigures } from "./figures.ts";
import { allocate, computeLimits } from "./limits.ts";
import { PriorityLevel } from "./priority-level.ts";
import type { QueueSet, RejectReason, Ticket } from "./queue-set.ts";
import { RequestRejected } from "./request-rejected.ts";
import { dealHand, hashFlow } from "./shuffle-sharding.ts";
import type { Gate, Seat } from "./types.ts";
import { estimateSeats } from "./work-estimator.ts";

/** Longest wait in a queue: a quarter of the deadline of a request. */
const MAX_WAIT_MS = 15_000;
const ADJUST_MS = 10_000;
/** Flows remembered; with more than this, all are found anew. */
const MAX_FLOWS = 10_000;

/** A schema in use. */
export interface Schema {
  readonly name: string;
  readonly uid: string;
  readonly object: FlowSchema;
  readonly level: PriorityLevel;
  readonly matches: Matcher;
  readonly figures: FlowFigures;
}

interface Flow {
  readonly schema: Schema;
  readonly distinguisher: string;
  readonly hand: readonly number[];
}

/** One request that has a seat or waits for one. */
export interface Running {
  readonly schema: Schema;
  readonly distinguisher: string;
  readonly ticket: Ticket;
  readonly user: UserInfo;
  readonly info: RequestInfo;
  readonly arrived: number;
}

export interface FlowControlOptions {
  readonly clock: Clock;
  /** All seats of the server: --max-requests-inflight and --max-mutating-requests-inflight together. */
  readonly serverLimit: number;
  /** Objects of a request's resource in its namespace. */
  stored(info: RequestInfo): number | undefined;
}

export class FlowControl implements Gate {
  readonly #options: FlowControlOptions;
  readonly #clock: Clock;
  readonly #levels = new Map<string, PriorityLevel>();
  #schemas: readonly Schema[] = [];
  readonly #figures = new Map<string, FlowFigures>();
  readonly #flows = new FlowCache<Flow>(MAX_FLOWS);
  readonly #running = new Set<Running>();
  #timer: { cancel(): void } | undefined;
  fairFraction = 0;

  constructor(options: FlowControlOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.configure([], []);
  }

  /** Begins to lend seats from time to time. */
  start(): void {
    this.#timer ??= this.#clock.setInterval(() => this.adjust(), ADJUST_MS);
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  levels(): Iterable<PriorityLevel> {
    return this.#levels.values();
  }

  schemas(): readonly Schema[] {
    return this.#schemas;
  }

  running(): Iterable<Running> {
    return this.#running;
  }

  /** Figures of every schema and level seen, also of those that are gone: counters never go back. */
  figures(): Iterable<FlowFigures> {
    return this.#figures.values();
  }

  /** Takes over the objects as they are now. The mandatory ones hold even while they are missing. */
  configure(levels: readonly PriorityLevelConfiguration[], schemas: readonly FlowSchema[]): void {
    const now = this.#clock.monotonic();
    const wanted = byName([...MANDATORY_LEVELS, ...levels]);
    for (const [name, level] of this.#levels) {
      if (wanted.has(name)) continue;
      level.quiescing = true;
      if (level.queues.executing === 0 && level.queues.waiting === 0) this.#levels.delete(name);
    }
    for (const [name, configuration] of wanted) {
      const level = this.#levels.get(name);
      // Exempt or Limited is a matter of how tickets are counted: a change makes another level.
      if (level !== undefined && level.exempt === (configuration.spec?.type === "Exempt")) {
        level.configure(configuration);
      } else this.#levels.set(name, new PriorityLevel(configuration, now));
    }
    const shares = [...this.#levels.values()].filter(({ quiescing }) => !quiescing).map((level) => level.shares);
    for (const [name, limits] of computeLimits(shares, this.#options.serverLimit)) {
      this.#levels.get(name)?.setLimits(limits, now);
    }
    this.#schemas = [...byName([...MANDATORY_SCHEMAS, ...schemas]).values()]
      .sort(byPrecedence)
      .flatMap((object) => this.#schema(object));
    this.#flows.clear();
  }

  /** Lends seats that are not wanted where they are. */
  adjust(): void {
    const now = this.#clock.monotonic();
    const levels = [...this.#levels.values()];
    const periods = levels.map(({ queues }) => queues.demand.close(now));
    const { allocations, fairFraction } = allocate(
      levels.map((level, i) => ({
        exempt: level.exempt,
        ...level.limits,
        high: periods[i]?.high ?? 0,
        smoothed: periods[i]?.smoothed ?? 0,
      })),
      this.#options.serverLimit,
    );
    this.fairFraction = fairFraction;
    levels.forEach((level, i) => {
      const period = periods[i];
      const allocation = allocations[i];
      if (period === undefined || allocation === undefined) return;
      level.last = { ...period, target: allocation.target };
      level.setCurrent(allocation.current, now);
      if (level.quiescing && level.queues.executing === 0 && level.queues.waiting === 0) {
        this.#levels.delete(level.name);
      }
    });
  }

  enter(
    user: UserInfo,
    info: RequestInfo,
    response: { setHeader(name: string, value: string): unknown },
    life: { readonly signal: AbortSignal },
  ): Seat | Promise<Seat> {
    const flow = this.#flowOf(user, info);
    const { schema } = flow;
    const { level } = schema;
    response.setHeader("x-kubernetes-pf-flowschema-uid", schema.uid);
    response.setHeader("x-kubernetes-pf-prioritylevel-uid", level.uid);
    const now = this.#clock.monotonic();
    const seats = level.exempt ? 1 : estimateSeats(info, level.maxSeats, () => this.#options.stored(info));
    schema.figures.estimated(seats);
    const ticket = level.queues.arrive(seats, flow.hand, now);
    if (typeof ticket === "string") throw this.#rejected(schema, ticket, 0);
    const { distinguisher } = flow;
    const running: Running = { schema, distinguisher, ticket, user, info, arrived: this.#clock.now() };
    this.#running.add(running);
    if (ticket.state === "executing") {
      schema.figures.started(seats, 0);
      return new HeldSeat(() => this.#finish(running));
    }
    return this.#wait(running, life.signal);
  }

  async #wait(running: Running, signal: AbortSignal): Promise<Seat> {
    const { schema, ticket } = running;
    const { queues } = schema.level;
    schema.figures.queued(ticket.queue?.waiting.length ?? 0);
    const outcome = await this.#turn(queues, ticket, signal);
    const waited = this.#clock.monotonic() - ticket.arrivedAt;
    schema.figures.unqueued();
    if (outcome !== "go") {
      this.#running.delete(running);
      throw this.#rejected(schema, outcome, waited);
    }
    schema.figures.started(ticket.seats, waited);
    return new HeldSeat(() => this.#finish(running));
  }

  #turn(queues: QueueSet, ticket: Ticket, signal: AbortSignal): Promise<RejectReason | "go"> {
    return new Promise((resolve) => {
      const settle = (outcome: RejectReason | "go"): void => {
        timer.cancel();
        signal.removeEventListener("abort", gone);
        resolve(outcome);
      };
      const giveUp = (reason: RejectReason): void => {
        queues.abandon(ticket, reason, this.#clock.monotonic());
        settle(reason);
      };
      const gone = (): void => giveUp("cancelled");
      const timer = this.#clock.setTimeout(() => giveUp("time-out"), MAX_WAIT_MS);
      ticket.onDispatch = () => settle("go");
      signal.addEventListener("abort", gone, { once: true });
      if (signal.aborted) gone();
    });
  }

  #finish(running: Running): void {
    const { schema, ticket } = running;
    const now = this.#clock.monotonic();
    schema.level.queues.finish(ticket, now);
    schema.figures.finished(ticket.seats, now - ticket.startedAt);
    this.#running.delete(running);
  }

  #rejected(schema: Schema, reason: RejectReason, waited: number): RequestRejected {
    schema.figures.rejected(reason, waited);
    return new RequestRejected(reason);
  }

  #flowOf(user: UserInfo, info: RequestInfo): Flow {
    const known = this.#flows.get(user, info);
    if (known !== undefined) return known;
    const schema = this.#schemas.find(({ matches }) => matches(user, info)) ?? this.#catchAll();
    const distinguisher = distinguisherOf(schema.object, user, info);
    const { config } = schema.level.queues;
    const hand =
      config === undefined ? [] : dealHand(hashFlow(schema.name, distinguisher), config.queues, config.handSize);
    const flow = { schema, distinguisher, hand };
    this.#flows.set(user, info, flow);
    return flow;
  }

  /** For who is neither authenticated nor unauthenticated by group. */
  #catchAll(): Schema {
    const last = this.#schemas.at(-1);
    if (last === undefined) throw new Error("there is no FlowSchema at all");
    return last;
  }

  /** None for a schema without its level: such a schema matches nothing. */
  #schema(object: FlowSchema): Schema[] {
    const name = object.metadata?.name ?? "";
    const level = this.#levels.get(object.spec?.priorityLevelConfiguration.name ?? "");
    if (level === undefined || level.quiescing) return [];
    const key = `${name}\n${level.name}`;
    let figures = this.#figures.get(key);
    if (figures === undefined) {
      figures = new FlowFigures(name, level.name);
      this.#figures.set(key, figures);
    }
    return [{ name, uid: object.metadata?.uid ?? "", object, level, matches: compileSchema(object), figures }];
  }
}

/** Later ones take the place of earlier ones. */
function byName<T extends { metadata?: { name?: string } }>(objects: readonly T[]): Map<string, T> {
  return new Map(objects.map((object) => [object.metadata?.name ?? "", object]));
}

class HeldSeat implements Seat {
  #finish: (() => void) | undefined;

  constructor(finish: () => void) {
    this.#finish = finish;
  }

  release(): void {
    const finish = this.#finish;
    this.#finish = undefined;
    finish?.();
  }
}
