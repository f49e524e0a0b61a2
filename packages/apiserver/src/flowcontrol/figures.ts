import type { RejectReason } from "./queue-set.ts";

/** Counts by upper bound, as Prometheus wants them. */
export class Distribution {
  readonly bounds: readonly number[];
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.count++;
    this.sum += value;
    for (let i = 0; i < this.bounds.length; i++) {
      if (value <= (this.bounds[i] ?? Infinity)) {
        this.counts[i] = (this.counts[i] ?? 0) + 1;
        return;
      }
    }
  }
}

/** Upstream's buckets. */
const LATENCY = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const QUEUE_LENGTH = [0, 10, 25, 50, 100, 250, 500, 1000];
const SEATS = [1, 2, 4, 10];

/** What is counted for one FlowSchema in one level: plain numbers, because this is done on every request. */
export class FlowFigures {
  readonly schema: string;
  readonly level: string;
  executing = 0;
  executingSeats = 0;
  inQueue = 0;
  dispatched = 0;
  readonly rejections = new Map<RejectReason, number>();
  readonly waitsExecuted = new Distribution(LATENCY);
  readonly waitsRejected = new Distribution(LATENCY);
  readonly executions = new Distribution(LATENCY);
  readonly queueLengths = new Distribution(QUEUE_LENGTH);
  readonly seats = new Distribution(SEATS);

  constructor(schema: string, level: string) {
    this.schema = schema;
    this.level = level;
  }

  estimated(seats: number): void {
    this.seats.observe(seats);
  }

  queued(length: number): void {
    this.inQueue++;
    this.queueLengths.observe(length);
  }

  unqueued(): void {
    this.inQueue--;
  }

  started(seats: number, waitedMs: number): void {
    this.dispatched++;
    this.executing++;
    this.executingSeats += seats;
    this.waitsExecuted.observe(waitedMs / 1000);
  }

  finished(seats: number, tookMs: number): void {
    this.executing--;
    this.executingSeats -= seats;
    this.executions.observe(tookMs / 1000);
  }

  rejected(reason: RejectReason, waitedMs: number): void {
    this.rejections.set(reason, (this.rejections.get(reason) ?? 0) + 1);
    this.waitsRejected.observe(waitedMs / 1000);
  }
}
