import { mkdtempSync, renameSync, rmSync, writeFileSync, appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Pod } from "@knots/api/core/v1";
import { parseLogLine } from "../logs/log-line.ts";
import { readLog, type LogOptions } from "../logs/read-log.ts";
import { LogRotation } from "../logs/rotation.ts";
import { FakeClock, nullLogger } from "@knots/machinery";
import { attributesFor } from "./access.ts";
import { logOptions, logSource } from "./container-logs.ts";
import type { KubeletView } from "./types.ts";

describe("log records", () => {
  test("are time, stream, tag and text", () => {
    const line = parseLogLine(Buffer.from("2024-01-02T03:04:05.6Z stderr P a b  c"));
    expect(line).toMatchObject({ time: "2024-01-02T03:04:05.6Z", stream: "stderr", partial: true });
    expect(line?.text.toString()).toBe("a b  c");
    expect(parseLogLine(Buffer.from("2024-01-02T03:04:05Z stdout F "))?.text.toString()).toBe("");
  });
  test.each(["", "x", "2024-01-02T03:04:05Z stdout", "yesterday stdout F x", "2024-01-02T03:04:05Z other F x"])(
    "%j is none",
    (text) => expect(parseLogLine(Buffer.from(text))).toBeUndefined(),
  );
});

describe("a log file", () => {
  let dir: string;
  let path: string;
  const time = (second: number): string => `2024-01-01T00:00:0${second}.000000000Z`;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "knots-logs-"));
    path = join(dir, "0.log");
    writeFileSync(
      path,
      `${time(1)} stdout F one\n${time(2)} stderr F two\n${time(3)} stdout P thr\n${time(3)} stdout F ee\n${time(4)} stdout F four\n`,
    );
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const options = (more: Partial<LogOptions> = {}): LogOptions => ({
    follow: false,
    tailLines: undefined,
    limitBytes: undefined,
    timestamps: false,
    since: undefined,
    stream: undefined,
    ...more,
  });
  const read = async (more: Partial<LogOptions> = {}, running = (): boolean => false): Promise<string> => {
    let text = "";
    for await (const chunk of readLog(path, options(more), running, new AbortController().signal))
      text += chunk.toString();
    return text;
  };

  test("is read whole, from a time, from the end, in part", async () => {
    expect(await read()).toBe("one\ntwo\nthree\nfour\n");
    expect(await read({ tailLines: 1 })).toBe("four\n");
    expect(await read({ tailLines: 0 })).toBe("");
    expect(await read({ tailLines: 100 })).toBe("one\ntwo\nthree\nfour\n");
    expect(await read({ since: Date.parse(time(3)) })).toBe("three\nfour\n");
    expect(await read({ limitBytes: 5 })).toBe("one\nt");
    expect(await read({ stream: "stderr" })).toBe("two\n");
    expect(await read({ timestamps: true, tailLines: 3 })).toBe(`${time(3)} three\n${time(4)} four\n`);
  });

  test("is followed over a rotation until the container ends", async () => {
    let text = "";
    let alive = true;
    for await (const chunk of readLog(path, options({ follow: true }), () => alive, new AbortController().signal)) {
      text += chunk.toString();
      if (text.endsWith("four\n")) {
        appendFileSync(path, `${time(5)} stdout F five\n`);
        renameSync(path, `${path}.old`);
        writeFileSync(path, `${time(6)} stdout F six\n`);
      }
      if (text.endsWith("six\n")) alive = false;
    }
    expect(text).toBe("one\ntwo\nthree\nfour\nfive\nsix\n");
  });

  test("past its limit is set aside; when the runtime cannot reopen it, it keeps its name", async () => {
    let fails = true;
    const rotation = new LogRotation({
      runtime: {
        reopenContainerLog: () => (fails ? Promise.reject(new Error("no")) : Promise.resolve(writeFileSync(path, ""))),
      },
      clock: new FakeClock(),
      logger: nullLogger,
      containers: () => [{ id: "c", logPath: path }],
      maxBytes: 10,
    });
    await rotation.rotateAll();
    expect(await read({ tailLines: 1 })).toBe("four\n");
    fails = false;
    await rotation.rotateAll();
    expect(await read()).toBe("");
  });
});

describe("what is asked for", () => {
  test.each([
    ["GET", "/stats/summary", "get", "stats"],
    ["GET", "/metrics/cadvisor", "get", "metrics"],
    ["GET", "/pods", "get", "proxy"],
    ["POST", "/exec/ns/p/c", "create", "proxy"],
    ["GET", "/exec/ns/p/c", "create", "proxy"],
    ["GET", "/containerLogs/ns/p/c", "get", "proxy"],
  ])("%s %s is %s of nodes/%s", (method, path, verb, subresource) => {
    expect(attributesFor(method, path)).toEqual({ verb, subresource });
  });
  test("log options that are none are refused", () => {
    expect(() => logOptions(new URLSearchParams("tailLines=x"), 0)).toThrow("tailLines");
    expect(logOptions(new URLSearchParams("sinceSeconds=5&follow=true"), 10_000)).toMatchObject({
      since: 5_000,
      follow: true,
    });
  });
  test("why there is no log is told in upstream's words", () => {
    const pod = (reason: string): Pod => ({
      metadata: { name: "p", namespace: "ns", uid: "u" },
      spec: { containers: [{ name: "c", image: "i" }] },
      status: {
        containerStatuses: [
          { name: "c", image: "i", imageID: "", ready: false, restartCount: 0, state: { waiting: { reason } } },
        ],
      },
    });
    const view = { runtimeStatus: () => undefined } as unknown as KubeletView;
    const why =
      (reason: string): (() => unknown) =>
      () =>
        logSource(view, pod(reason), "c", false);
    expect(why("ContainerCreating")).toThrow('container "c" in pod "p" is waiting to start: ContainerCreating');
    expect(why("ImagePullBackOff")).toThrow("is waiting to start: trying and failing to pull image");
    expect(() => logSource(view, pod("x"), "c", true)).toThrow(
      'previous terminated container "c" in pod "p" not found',
    );
    expect(() => logSource(view, pod("x"), "d", false)).toThrow('container "d" not found in pod "p"');
  });
});
