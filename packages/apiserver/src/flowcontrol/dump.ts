// /debug/api_priority_and_fairness/dump_*: who runs and waits right now, as aligned text.
import type { FlowControl } from "./flow-control.ts";

/** The text of a dump; undefined when there is none of that name. */
export function dump(flowControl: FlowControl, name: string, query: URLSearchParams): string | undefined {
  if (name === "dump_priority_levels") return table(priorityLevels(flowControl));
  if (name === "dump_queues") return table(queues(flowControl));
  if (name === "dump_requests") return table(requests(flowControl, query.has("includeRequestDetails")));
  return undefined;
}

type Row = readonly (string | number | boolean)[];

function* priorityLevels(flowControl: FlowControl): Generator<Row> {
  yield [
    "PriorityLevelName",
    "ActiveQueues",
    "IsIdle",
    "IsQuiescing",
    "WaitingRequests",
    "ExecutingRequests",
    "DispatchedRequests",
    "RejectedRequests",
    "TimedoutRequests",
    "CancelledRequests",
  ];
  for (const { name, queues, quiescing } of sorted(flowControl.levels())) {
    const { busyQueues, waiting, executing, dispatched, rejected } = queues;
    yield [
      name,
      busyQueues,
      waiting + executing === 0,
      quiescing,
      waiting,
      executing,
      dispatched,
      rejected["queue-full"] + rejected["concurrency-limit"],
      rejected["time-out"],
      rejected.cancelled,
    ];
  }
}

function* queues(flowControl: FlowControl): Generator<Row> {
  yield [
    "PriorityLevelName",
    "Index",
    "PendingRequests",
    "ExecutingRequests",
    "SeatsInUse",
    "NextDispatchR",
    "InitialSeatsSum",
    "MaxSeatsSum",
    "TotalWorkSum",
  ];
  for (const level of sorted(flowControl.levels())) {
    for (const { index, waiting, executing, seatsInUse, nextDispatchR, waitingSeats } of level.queues.queues()) {
      yield [
        level.name,
        index,
        waiting.length,
        executing,
        seatsInUse,
        `${(nextDispatchR / 1000).toFixed(8)}ss`,
        waitingSeats,
        waitingSeats,
        `${(waitingSeats * 0.003).toFixed(8)}ss`,
      ];
    }
  }
}

function* requests(flowControl: FlowControl, details: boolean): Generator<Row> {
  yield [
    "PriorityLevelName",
    "FlowSchemaName",
    "QueueIndex",
    "RequestIndexInQueue",
    "FlowDistingsher",
    "ArriveTime",
    "InitialSeats",
    "FinalSeats",
    "AdditionalLatency",
    "StartTime",
    ...(details ? ["UserName", "Verb", "APIPath", "Namespace", "Name", "APIVersion", "Resource", "SubResource"] : []),
  ];
  for (const { schema, distinguisher, ticket, user, info, arrived } of flowControl.running()) {
    const waits = ticket.state === "waiting";
    yield [
      schema.level.name,
      schema.name,
      ticket.queue?.index ?? -1,
      waits ? (ticket.queue?.waiting.indexOf(ticket) ?? -1) : -1,
      distinguisher,
      time(arrived),
      ticket.seats,
      0,
      "0s",
      waits ? "" : time(arrived + ticket.startedAt - ticket.arrivedAt),
      ...(details
        ? [user.name, info.verb, info.path, info.namespace, info.name, info.apiVersion, info.resource, info.subresource]
        : []),
    ];
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000000Z");
}

function sorted<T extends { name: string }>(items: Iterable<T>): T[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function table(rows: Iterable<Row>): string {
  const cells = Array.from(rows, (row) => row.map((cell) => `${cell}, `));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join("")
          .trimEnd()
          .replace(/,$/, "")}\n`,
    )
    .join("");
}
