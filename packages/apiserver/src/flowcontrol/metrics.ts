// apiserver_flowcontrol_*: made from the figures when somebody asks, so that requests pay nothing for it.
import type { Distribution } from "./figures.ts";
import type { FlowControl } from "./flow-control.ts";

const P = "apiserver_flowcontrol_";

type Sample = readonly [labels: Record<string, string>, value: number];

export function renderFlowMetrics(flowControl: FlowControl): string {
  const flows = [...flowControl.figures()].map((figures) => ({
    figures,
    labels: { flow_schema: figures.schema, priority_level: figures.level },
  }));
  const levels = [...flowControl.levels()].map((level) => ({ level, labels: { priority_level: level.name } }));
  const perLevel = (name: string, help: string, value: (level: (typeof levels)[number]["level"]) => number): string =>
    simple(
      name,
      "gauge",
      help,
      levels.map(({ level, labels }) => [labels, value(level)]),
    );
  const perFlow = (
    name: string,
    type: "gauge" | "counter",
    help: string,
    value: (figures: (typeof flows)[number]["figures"]) => number,
  ): string =>
    simple(
      name,
      type,
      help,
      flows.map(({ figures, labels }) => [labels, value(figures)]),
    );
  return [
    perFlow(
      "dispatched_requests_total",
      "counter",
      "Number of requests executed by API Priority and Fairness subsystem",
      (f) => f.dispatched,
    ),
    simple(
      "rejected_requests_total",
      "counter",
      "Number of requests rejected by API Priority and Fairness subsystem",
      flows.flatMap(({ figures, labels }) =>
        [...figures.rejections].map(([reason, count]): Sample => [{ ...labels, reason }, count]),
      ),
    ),
    perFlow(
      "current_inqueue_requests",
      "gauge",
      "Number of requests currently pending in queues of the API Priority and Fairness subsystem",
      (f) => f.inQueue,
    ),
    perFlow(
      "current_executing_requests",
      "gauge",
      "Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem",
      (f) => f.executing,
    ),
    perFlow(
      "current_executing_seats",
      "gauge",
      "Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem",
      (f) => f.executingSeats,
    ),
    perLevel(
      "nominal_limit_seats",
      "Nominal number of execution seats configured for each priority level",
      ({ limits }) => limits.nominal,
    ),
    perLevel(
      "lower_limit_seats",
      "Configured lower bound on number of execution seats available to each priority level",
      ({ limits }) => limits.min,
    ),
    perLevel(
      "upper_limit_seats",
      "Configured upper bound on number of execution seats available to each priority level",
      ({ limits }) => limits.max,
    ),
    perLevel(
      "current_limit_seats",
      "current derived number of execution seats available to each priority level",
      ({ current }) => current,
    ),
    perLevel(
      "demand_seats_high_watermark",
      "High watermark, over last adjustment period, of demand_seats",
      ({ last }) => last.high,
    ),
    perLevel(
      "demand_seats_average",
      "Time-weighted average, over last adjustment period, of demand_seats",
      ({ last }) => last.average,
    ),
    perLevel(
      "demand_seats_stdev",
      "Time-weighted standard deviation, over last adjustment period, of demand_seats",
      ({ last }) => last.deviation,
    ),
    perLevel("demand_seats_smoothed", "Smoothed seat demands", ({ last }) => last.smoothed),
    perLevel("target_seats", "Seat allocation targets", ({ last }) => last.target),
    simple(
      "seat_fair_frac",
      "gauge",
      "Fair fraction of server's concurrency to allocate to each priority level that can use it",
      [[{}, flowControl.fairFraction]],
    ),
    histogram(
      "request_wait_duration_seconds",
      "Length of time a request spent waiting in its queue",
      flows.flatMap(({ figures, labels }): [Record<string, string>, Distribution][] => [
        [{ execute: "true", ...labels }, figures.waitsExecuted],
        [{ execute: "false", ...labels }, figures.waitsRejected],
      ]),
    ),
    histogram(
      "request_execution_seconds",
      "Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem",
      flows.map(({ figures, labels }) => [labels, figures.executions]),
    ),
    histogram(
      "request_queue_length_after_enqueue",
      "Length of queue in the API Priority and Fairness subsystem, as seen by each request after it is enqueued",
      flows.map(({ figures, labels }) => [labels, figures.queueLengths]),
    ),
    histogram(
      "work_estimated_seats",
      "Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness",
      flows.map(({ figures, labels }) => [labels, figures.seats]),
    ),
  ].join("");
}

function simple(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  return `${head(name, type, help)}${samples.map(([labels, value]) => line(name, labels, value)).join("")}`;
}

function histogram(
  name: string,
  help: string,
  series: readonly (readonly [labels: Record<string, string>, distribution: Distribution])[],
): string {
  const lines = series.flatMap(([labels, { bounds, counts, count, sum }]) => {
    if (count === 0) return [];
    let below = 0;
    return [
      ...bounds.map((bound, i) => {
        below += counts[i] ?? 0;
        return line(`${name}_bucket`, { ...labels, le: String(bound) }, below);
      }),
      line(`${name}_bucket`, { ...labels, le: "+Inf" }, count),
      line(`${name}_sum`, labels, sum),
      line(`${name}_count`, labels, count),
    ];
  });
  return `${head(name, "histogram", help)}${lines.join("")}`;
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${P}${name} ${help}\n# TYPE ${P}${name} ${type}\n`;
}

/** Names of schemas and levels are DNS names: nothing in them needs escaping. */
function line(name: string, labels: Record<string, string>, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${text}"`);
  return `${P}${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}
