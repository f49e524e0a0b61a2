import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeClock, nullLogger } from "@knots/machinery";
import { BatchBackend, WEBHOOK_BATCH } from "./batch-backend.ts";
import { BlockingBackend } from "./blocking-backend.ts";
import { addAuditFlags, auditOptions } from "./flags.ts";
import type { AuditFlags } from "./flags.ts";
import { formatEvent } from "./log-format.ts";
import { LogSink } from "./log-sink.ts";
import { poster } from "./post.ts";
import { RotatingFile } from "./rotating-file.ts";
import { sourceIPs } from "./source-ips.ts";
import type { AuditEvent } from "./types.ts";
import { fitting } from "./truncating-sink.ts";
import { WebhookSink } from "./webhook-sink.ts";

function event(auditID: string): AuditEvent {
  return {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Metadata",
    auditID,
    stage: "ResponseComplete",
    requestURI: "/api/v1/namespaces/a/pods",
    verb: "list",
    user: { username: "alice", groups: ["g1", "g2"] },
    sourceIPs: ["127.0.0.1"],
    userAgent: "test/1",
    objectRef: { resource: "pods", namespace: "a" },
    responseStatus: { code: 200 },
    requestReceivedTimestamp: "2026-01-01T00:00:00.000000Z",
    stageTimestamp: "2026-01-01T00:00:00.000000Z",
  };
}

test("the legacy format", () => {
  expect(formatEvent(event("1"), "legacy")).toBe(
    '2026-01-01T00:00:00.000000Z AUDIT: id="1" stage="ResponseComplete" ip="127.0.0.1" method="list" user="alice" groups="\\"g1\\",\\"g2\\"" as="<self>" asgroups="<lookup>" user-agent="test/1" namespace="a" uri="/api/v1/namespaces/a/pods" response="200"\n',
  );
});

describe("the log file", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "knots-audit-"));
  });
  afterEach(() => rm(dir, { recursive: true }));
  const options = { maxSize: 1, maxAge: 0, maxBackup: 0, compress: false };

  test("holds every event in order, one a line", async () => {
    const path = join(dir, "audit.log");
    await writeFile(path, "before\n");
    const file = new RotatingFile({ ...options, path }, new FakeClock());
    await file.open();
    const sink = new LogSink(file, "json", nullLogger);
    for (let i = 0; i < 100; i++) void sink.store([event(String(i))]);
    await sink[Symbol.asyncDispose]();
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    expect(lines[0]).toBe("before");
    expect(lines.slice(1).map((line) => (JSON.parse(line) as AuditEvent).auditID)).toEqual(
      Array.from({ length: 100 }, (_, i) => String(i)),
    );
  });

  test("is set aside when it has grown; old ones go by number and age, strangers stay", async () => {
    const path = join(dir, "audit.log");
    const clock = new FakeClock(Date.UTC(2026, 0, 10));
    await writeFile(join(dir, "audit-2025-01-01T00-00-00.000.log"), "old");
    await writeFile(join(dir, "audit-mine.log"), "");
    const file = new RotatingFile({ ...options, path, maxBackup: 2, maxAge: 30 }, clock);
    const text = `${"x".repeat(700_000)}\n`;
    for (let i = 0; i < 5; i++) {
      await file.append(text);
      await clock.advance(1000);
    }
    await file[Symbol.asyncDispose]();
    expect((await readdir(dir)).sort()).toEqual([
      "audit-2026-01-10T00-00-03.000.log",
      "audit-2026-01-10T00-00-04.000.log",
      "audit-mine.log",
      "audit.log",
    ]);
    expect((await readFile(path, "utf8")).length).toBe(text.length);
  });

  test("is compressed when it is set aside, if so wished", async () => {
    const path = join(dir, "audit.log");
    const file = new RotatingFile({ ...options, path, compress: true }, new FakeClock(Date.UTC(2026, 0, 1)));
    await file.append("a".repeat(600_000));
    await file.append("b".repeat(600_000));
    await file[Symbol.asyncDispose]();
    const packed = await readFile(join(dir, "audit-2026-01-01T00-00-00.000.log.gz"));
    expect(gunzipSync(packed).toString()).toBe("a".repeat(600_000));
  });
});

describe("the webhook", () => {
  const lists: { items: AuditEvent[] }[] = [];
  const clock = new FakeClock();
  let fail = 0;
  const send = (list: object): Promise<void> => {
    if (fail-- > 0) return Promise.reject(new Error("no"));
    lists.push(list as { items: AuditEvent[] });
    return Promise.resolve();
  };
  const backend = (more: Partial<typeof WEBHOOK_BATCH> = {}): BatchBackend => {
    const sink = new WebhookSink(send, 10_000, clock, nullLogger);
    return new BatchBackend(sink, { ...WEBHOOK_BATCH, ...more }, clock, nullLogger);
  };
  beforeEach(() => {
    lists.length = 0;
    fail = 0;
  });
  const sizes = (): number[] => lists.map(({ items }) => items.length);

  test("is sent batches, when full or after the wait", async () => {
    await using hook = backend({ maxSize: 3 });
    for (let i = 0; i < 4; i++) hook.write(event(String(i)));
    await clock.advance(0);
    expect(sizes()).toEqual([3]);
    expect(lists[0]).toMatchObject({ kind: "EventList", apiVersion: "audit.k8s.io/v1" });
    await clock.advance(30_000);
    expect(sizes()).toEqual([3, 1]);
  });

  test("that fails is asked again later, five times in all", async () => {
    await using hook = backend({ maxSize: 1 });
    fail = 2;
    hook.write(event("a"));
    await clock.advance(24_999);
    expect(sizes()).toEqual([]);
    await clock.advance(1);
    expect(sizes()).toEqual([1]);
    fail = 5;
    hook.write(event("b"));
    hook.write(event("c"));
    await clock.advance(200_000);
    expect(lists.map(({ items }) => items[0]?.auditID)).toEqual(["a", "c"]);
  });

  test("that is too slow loses what the buffer does not hold", async () => {
    await using hook = backend({ maxSize: 2, bufferSize: 3, throttleQps: 1, throttleBurst: 1 });
    for (let i = 0; i < 10; i++) hook.write(event(String(i)));
    await clock.advance(60_000);
    expect(sizes()).toEqual([2, 1]);
  });

  test("gets what is left at the end", async () => {
    const hook = backend();
    hook.write(event("a"));
    await hook[Symbol.asyncDispose]();
    expect(sizes()).toEqual([1]);
    expect(clock.pending).toBe(0);
  });

  test("is posted to at the path of its kubeconfig, with its token", async () => {
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      request.resume();
      seen.push([request.method, request.url, request.headers.authorization]);
      response.writeHead(seen.length === 1 ? 200 : 500).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const post = poster({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}/audit?x=1`, token: "t" });
    await post({});
    await expect(post({})).rejects.toThrow("answered 500");
    expect(seen[0]).toEqual(["POST", "/audit?x=1", "Bearer t"]);
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
});

describe("blocking", () => {
  const sink = (kept: boolean) => ({
    store: () => Promise.resolve(kept),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  test.each([
    [true, true, true],
    [false, false, true],
    [false, true, false],
  ])("kept: %s, strict: %s, goes on: %s", async (kept, strict, expected) => {
    await using backend = new BlockingBackend(sink(kept), strict);
    expect(await backend.write(event("1"))).toBe(expected);
  });
});

describe("truncation", () => {
  const large = (auditID: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
    ...event(auditID),
    level: "RequestResponse",
    requestObject: { data: "x".repeat(2_000) },
    responseObject: {},
    ...more,
  });

  test("leaves out objects, and events that are too large without", () => {
    const { batches, tooLarge } = fitting(
      [event("a"), large("b", { annotations: { k: "v" } }), large("c", { level: "Metadata" })],
      { maxEventSize: 1_000, maxBatchSize: 10_000 },
    );
    expect(batches).toEqual([
      [
        event("a"),
        { ...event("b"), level: "RequestResponse", annotations: { k: "v", "audit.k8s.io/truncated": "true" } },
      ],
    ]);
    expect(tooLarge.map(({ auditID }) => auditID)).toEqual(["c"]);
  });

  test("makes lists that are small enough", () => {
    const size = JSON.stringify(event("1")).length;
    const { batches } = fitting(
      ["1", "2", "3", "4", "5"].map((id) => event(id)),
      { maxEventSize: size, maxBatchSize: 2 * size },
    );
    expect(batches.map((batch) => batch.length)).toEqual([2, 2, 1]);
  });
});

describe("flags", () => {
  const parse = (...argv: string[]) =>
    auditOptions(
      addAuditFlags(new Command())
        .parse(["--audit-policy-file=p", "--audit-log-path=l", "--audit-webhook-config-file=w", ...argv], {
          from: "user",
        })
        .opts<AuditFlags>(),
    );

  test("have upstream's defaults", () => {
    const options = parse();
    expect(options?.log).toMatchObject({
      mode: "blocking",
      batch: { bufferSize: 10_000, maxSize: 1, maxWaitMs: 0, throttleQps: 0 },
    });
    expect(options?.log).not.toHaveProperty("truncate");
    expect(options?.webhook).toMatchObject({ mode: "batch", batch: WEBHOOK_BATCH, initialBackoffMs: 10_000 });
  });

  test("say what is to be truncated, and how", () => {
    const options = parse(
      "--audit-log-truncate-enabled",
      "--audit-webhook-truncate-enabled=true",
      "--audit-webhook-truncate-max-event-size=5",
    );
    expect(options?.log?.truncate).toEqual({ maxBatchSize: 10_485_760, maxEventSize: 102_400 });
    expect(options?.webhook?.truncate).toEqual({ maxBatchSize: 10_485_760, maxEventSize: 5 });
    expect(parse("--audit-webhook-batch-throttle-enable=false")?.webhook?.batch?.throttleQps).toBe(0);
  });

  test.each([
    [["--audit-log-mode=later"], 'invalid audit log mode later, allowed modes are "batch,blocking,blocking-strict"'],
    [["--audit-log-version=audit.k8s.io/v1beta1"], "invalid audit log version"],
    [
      ["--audit-log-truncate-enabled", "--audit-log-truncate-max-batch-size=1"],
      "--audit-log-truncate-max-batch-size must be greater than",
    ],
  ])("that are wrong are told: %j", (argv, message) => {
    expect(() => parse(...argv)).toThrow(message);
  });
});

test.each([
  [{}, "::ffff:10.0.0.1", ["10.0.0.1"]],
  [
    { "x-forwarded-for": "1.1.1.1, nobody, 2.2.2.2", "x-real-ip": "3.3.3.3" },
    "10.0.0.1",
    ["1.1.1.1", "2.2.2.2", "3.3.3.3", "10.0.0.1"],
  ],
  [{ "x-forwarded-for": "1.1.1.1", "x-real-ip": "1.1.1.1" }, "1.1.1.1", ["1.1.1.1"]],
])("who sent it: %j from %s", (headers, remoteAddress, expected) => {
  expect(sourceIPs({ headers, socket: { remoteAddress } } as unknown as Parameters<typeof sourceIPs>[0])).toEqual(
    expected,
  );
});
