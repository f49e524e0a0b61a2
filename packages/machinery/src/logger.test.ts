import { expect, it } from "vitest";
import { newLogger, nullLogger } from "./logger.ts";

function record(level?: "debug" | "silent"): { lines: string[]; logger: ReturnType<typeof newLogger> } {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line.replace(/^\S+Z /, ""));
  return { lines, logger: newLogger({ name: "kubelet", ...(level === undefined ? {} : { level }), write }) };
}

it("writes one line an entry, with fields and bindings", () => {
  const { lines, logger } = record();
  logger.info("started");
  logger.child({ pod: "default/web" }).error({ err: new Error("no\nway"), n: 1, gone: undefined }, "failed");
  logger.debug("unheard");
  expect(lines).toEqual(["INFO kubelet started\n", 'ERROR kubelet failed pod=default/web err="no\\nway" n=1\n']);
});

it("listens to the level", () => {
  const loud = record("debug");
  loud.logger.debug("heard");
  loud.logger.trace("unheard");
  expect(loud.lines).toEqual(["DEBUG kubelet heard\n"]);
  const quiet = record("silent");
  quiet.logger.error("unheard");
  expect(quiet.lines).toEqual([]);
});

it("listens to a level that changes", () => {
  const lines: string[] = [];
  let level = "info";
  const logger = newLogger({ name: "kubelet", level: () => level, write: (line) => void lines.push(line) });
  logger.debug("unheard");
  level = "debug";
  logger.debug("heard");
  expect(lines.map((line) => line.split(" ").slice(1).join(" "))).toEqual(["DEBUG kubelet heard\n"]);
});

it("can be nobody", () => {
  expect(nullLogger.child({ a: 1 })).toBe(nullLogger);
});
