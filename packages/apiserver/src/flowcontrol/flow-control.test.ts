import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FlowSchema, PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";
import { FakeClock } from "@knots/machinery";
import type { UserInfo } from "../auth/types.ts";
import { parseRequestInfo } from "../http/request-info.ts";
import { dump } from "./dump.ts";
import { FlowControl } from "./flow-control.ts";
import { MaxInFlight } from "./max-in-flight.ts";
import { renderFlowMetrics } from "./metrics.ts";
import { RequestRejected } from "./request-rejected.ts";
import type { Seat } from "./types.ts";

const alice: UserInfo = { name: "alice", groups: ["system:authenticated"] };
const admin: UserInfo = { name: "admin", groups: ["system:masters", "system:authenticated"] };
const GET = parseRequestInfo("GET", "/api/v1/namespaces/a/pods/x");

const LEVEL: PriorityLevelConfiguration = {
  metadata: { name: "narrow", uid: "level-uid" },
  spec: {
    type: "Limited",
    limited: {
      nominalConcurrencyShares: 5,
      lendablePercent: 0,
      borrowingLimitPercent: 0,
      limitResponse: { type: "Queue", queuing: { queues: 2, handSize: 1, queueLengthLimit: 2 } },
    },
  },
};
const SCHEMA: FlowSchema = {
  metadata: { name: "alice", uid: "schema-uid" },
  spec: {
    priorityLevelConfiguration: { name: "narrow" },
    matchingPrecedence: 50,
    distinguisherMethod: { type: "ByUser" },
    rules: [
      {
        subjects: [{ kind: "User", user: { name: "alice" } }],
        resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true }],
      },
    ],
  },
};

describe("FlowControl", () => {
  let clock: FakeClock;
  let control: FlowControl;
  let headers: Map<string, string>;
  const response = { setHeader: (name: string, value: string) => headers.set(name, value) };
  const enter = (user = alice, life = new AbortController()): Seat | Promise<Seat> =>
    control.enter(user, GET, response, life);

  beforeEach(() => {
    clock = new FakeClock();
    headers = new Map();
    // Two seats: one for catch-all, one for "narrow".
    control = new FlowControl({ clock, serverLimit: 2, stored: () => 0 });
    control.configure([LEVEL], [SCHEMA]);
    control.start();
  });
  afterEach(() => control[Symbol.dispose]());

  test("lets a request in at once when there is a seat, and says by which schema", () => {
    const seat = enter();
    expect(seat).not.toBeInstanceOf(Promise);
    expect(Object.fromEntries(headers)).toEqual({
      "x-kubernetes-pf-flowschema-uid": "schema-uid",
      "x-kubernetes-pf-prioritylevel-uid": "level-uid",
    });
  });

  test("lets the next one wait until the seat is given back", async () => {
    const first = enter() as Seat;
    const second = enter();
    expect(second).toBeInstanceOf(Promise);
    first.release();
    first.release();
    (await second).release();
    expect([...control.running()]).toEqual([]);
  });

  test("refuses when the queue is full", () => {
    void enter();
    const waiting = [enter(), enter()] as Promise<Seat>[];
    for (const each of waiting) each.catch(() => undefined);
    expect(() => enter()).toThrow(RequestRejected);
    expect(() => enter()).toThrow("Too many requests, please try again later.");
  });

  test("refuses after a quarter of the deadline", async () => {
    void enter();
    const outcome = (enter() as Promise<Seat>).catch((error: unknown) => error);
    await clock.advance(15_000);
    expect(await outcome).toMatchObject({ reason: "time-out" });
    expect(dump(control, "dump_priority_levels", new URLSearchParams())).toMatch(
      /^narrow, +1, +false, +false, +0, +1, +1, +0, +1, +0,?$/m,
    );
  });

  test("forgets who goes away while waiting", async () => {
    const first = enter() as Seat;
    const abort = new AbortController();
    const outcome = (enter(alice, abort) as Promise<Seat>).catch((error: unknown) => error);
    abort.abort();
    expect(await outcome).toMatchObject({ reason: "cancelled" });
    first.release();
    expect(enter()).not.toBeInstanceOf(Promise);
    const pending = clock.pending;
    expect(pending).toBe(1);
  });

  test("never holds who is exempt", () => {
    for (let i = 0; i < 100; i++) expect(enter(admin)).not.toBeInstanceOf(Promise);
  });

  test("a schema whose level is gone matches nothing; who runs there is finished", () => {
    const seat = enter() as Seat;
    control.configure([], [SCHEMA]);
    expect([...control.levels()].map(({ name, quiescing }) => [name, quiescing])).toContainEqual(["narrow", true]);
    headers.clear();
    const other = enter() as Seat;
    expect(headers.get("x-kubernetes-pf-flowschema-uid")).toBe("");
    seat.release();
    other.release();
    control.adjust();
    expect([...control.levels()].map(({ name }) => name)).toEqual(["exempt", "catch-all"]);
  });

  test("lends seats of idle levels every ten seconds", async () => {
    const wide = structuredClone(LEVEL);
    if (wide.spec?.limited) delete wide.spec.limited.borrowingLimitPercent;
    const idle = structuredClone(LEVEL);
    idle.metadata = { name: "idle" };
    if (idle.spec?.limited) idle.spec.limited.lendablePercent = 100;
    control[Symbol.dispose]();
    control = new FlowControl({ clock, serverLimit: 30, stored: () => 0 });
    control.configure([wide, idle], [SCHEMA]);
    control.start();
    const seats = Array.from({ length: 10 }, () => enter());
    expect(seats.some((seat) => seat instanceof Promise)).toBe(false);
    const waiting = enter();
    expect(waiting).toBeInstanceOf(Promise);
    await clock.advance(10_000);
    const level = [...control.levels()].find(({ name }) => name === "narrow");
    // Targets 11 (here) and 10 (catch-all lends nothing) share 30 seats.
    expect(level?.current).toBe(16);
    (await waiting).release();
  });

  test("tells who runs and waits, and counts", async () => {
    const seat = enter() as Seat;
    const second = enter() as Promise<Seat>;
    const text = dump(control, "dump_requests", new URLSearchParams("includeRequestDetails=1")) ?? "";
    const rows = text
      .trimEnd()
      .split("\n")
      .map((row) => row.split(/, +/));
    expect(rows[0]?.slice(0, 4)).toEqual(["PriorityLevelName", "FlowSchemaName", "QueueIndex", "RequestIndexInQueue"]);
    expect(rows[1]?.slice(0, 2)).toEqual(["narrow", "alice"]);
    expect(rows.map((row) => row[3])).toEqual(["RequestIndexInQueue", "-1", "0"]);
    expect(rows[2]).toContain("/api/v1/namespaces/a/pods/x");
    expect(dump(control, "dump_queues", new URLSearchParams())?.trimEnd().split("\n")).toHaveLength(3);
    await clock.advance(1000);
    seat.release();
    (await second).release();
    const metrics = renderFlowMetrics(control);
    const labels = '{flow_schema="alice",priority_level="narrow"}';
    expect(metrics).toContain(`apiserver_flowcontrol_dispatched_requests_total${labels} 2\n`);
    expect(metrics).toContain(`apiserver_flowcontrol_current_executing_requests${labels} 0\n`);
    expect(metrics).toContain(`apiserver_flowcontrol_request_execution_seconds_sum${labels} 1\n`);
    expect(metrics).toContain('apiserver_flowcontrol_nominal_limit_seats{priority_level="narrow"} 1\n');
    expect(metrics).toContain(
      'apiserver_flowcontrol_request_wait_duration_seconds_bucket{execute="true",flow_schema="alice",priority_level="narrow",le="1"} 2\n',
    );
  });
});

describe("MaxInFlight", () => {
  test("limits readers and writers apart, not watches, not system:masters", () => {
    const gate = new MaxInFlight({ reading: 1, mutating: 1 });
    const write = parseRequestInfo("POST", "/api/v1/namespaces/a/pods");
    const watch = parseRequestInfo("GET", "/api/v1/pods?watch=1");
    const seat = gate.enter(alice, GET);
    gate.enter(alice, write);
    gate.enter(alice, watch);
    expect(() => gate.enter(alice, GET)).toThrow(RequestRejected);
    expect(() => gate.enter(alice, write)).toThrow(RequestRejected);
    gate.enter(admin, write);
    seat.release();
    seat.release();
    gate.enter(alice, GET);
    expect(() => gate.enter(alice, GET)).toThrow(RequestRejected);
  });
});
