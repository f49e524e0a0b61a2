import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LogOptions, readLog } from "./read-log.ts";

let dir = "";
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "knots-log-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const file = (): string => join(dir, "0.log");
const record = (text: string, stream = "stdout"): string => `2026-01-01T00:00:00.000000000Z ${stream} F ${text}\n`;
const DEFAULTS: LogOptions = {
  follow: false,
  tailLines: undefined,
  limitBytes: undefined,
  timestamps: false,
  since: undefined,
  stream: undefined,
};

async function read(options: Partial<LogOptions>, whileReading = (): void => undefined): Promise<string> {
  let text = "";
  const isRunning = (): boolean => {
    whileReading();
    return false;
  };
  for await (const part of readLog(file(), { ...DEFAULTS, ...options }, isRunning, new AbortController().signal))
    text += part.toString();
  return text;
}

test("the last lines, one stream, with times, cut to a number of bytes", async () => {
  writeFileSync(file(), record("one") + record("two", "stderr") + record("three"));
  expect(await read({})).toBe("one\ntwo\nthree\n");
  expect(await read({ tailLines: 2 })).toBe("two\nthree\n");
  expect(await read({ tailLines: 0 })).toBe("");
  expect(await read({ stream: "stderr" })).toBe("two\n");
  expect(await read({ tailLines: 1, timestamps: true })).toBe("2026-01-01T00:00:00.000000000Z three\n");
  expect(await read({ limitBytes: 5 })).toBe("one\nt");
});

test("what is written while it is read belongs to a follower alone", async () => {
  let written = 0;
  const write = (): void => {
    if (written++ < 3) appendFileSync(file(), record(`more ${written}`));
  };
  writeFileSync(file(), record("one"));
  expect(await read({ tailLines: 1 }, write)).toBe("one\n");
  expect(await read({ tailLines: 1, follow: true }, write)).toMatch(/^more \d\nmore \d\n/);
});
