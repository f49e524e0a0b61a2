import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { nullLogger, RealClock } from "@knots/machinery";
import { ComponentThread } from "./component-thread.ts";

let dir = "";
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "knots-thread-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const said = (): string => readFileSync(join(dir, "x.log"), "utf8");

function thread(program: string): ComponentThread {
  const entry = join(dir, "entry.mjs");
  writeFileSync(entry, program);
  const spec = { name: "x", argv: ["x", "--flag"] };
  return new ComponentThread({ spec, entry, logFile: join(dir, "x.log"), clock: new RealClock(), logger: nullLogger });
}

test("has the component's arguments, its output in its log, and ends when it is asked to", async () => {
  const it = thread(`
    import { parentPort } from "node:worker_threads";
    process.stderr.write(process.argv.slice(2).join(" ") + "\\n");
    parentPort.once("message", (word) => process.stderr.write("heard " + word + "\\n"));`);
  it.start();
  await vi.waitFor(() => expect(said()).toBe("x --flag\n"));
  await it.stop(10_000);
  expect(said()).toBe("x --flag\nheard stop\n");
});

test("one that fails says why and is started again", async () => {
  const it = thread(`
    import { existsSync, writeFileSync } from "node:fs";
    import { parentPort } from "node:worker_threads";
    const mark = ${JSON.stringify(join(dir, "mark"))};
    if (!existsSync(mark)) {
      writeFileSync(mark, "");
      throw new Error("on purpose");
    }
    process.stderr.write("again\\n");
    parentPort.once("message", () => {});`);
  it.start();
  await vi.waitFor(() => expect(said()).toMatch(/on purpose[^]*again\n/));
  await it.stop(10_000);
});

test("one that does not listen is made to end", async () => {
  const it = thread(`process.stderr.write("busy\\n"); for (;;);`);
  it.start();
  // A busy thread's words reach nobody: give it the time to begin by asking at once.
  await it.stop(50);
  expect(said()).not.toContain("again");
});
