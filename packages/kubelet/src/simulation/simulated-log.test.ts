import { FakeClock } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import type { LogOptions } from "../logs/read-log.ts";
import { type SimulatedContainerState, simulatedLog } from "./simulated-log.ts";

const AT = Date.UTC(2026, 0, 1);
const running: SimulatedContainerState = {
  name: "main",
  pod: "default/web",
  startedAt: AT,
  finishedAt: 0,
  exitCode: 0,
  running: true,
};
const ended = { ...running, running: false, finishedAt: AT + 5000, exitCode: 3 };
const STARTED = "simulated container main of pod default/web started\n";
const ENDED = "simulated container main ended with exit code 3\n";

async function read(
  state: () => SimulatedContainerState | undefined,
  options: Partial<LogOptions> = {},
  clock = new FakeClock(AT),
): Promise<string> {
  const all: LogOptions = {
    follow: false,
    tailLines: undefined,
    limitBytes: undefined,
    timestamps: false,
    since: undefined,
    stream: undefined,
    ...options,
  };
  let text = "";
  for await (const bytes of simulatedLog(state, all, clock, new AbortController().signal))
    text += Buffer.from(bytes).toString();
  return text;
}

describe("simulatedLog", () => {
  it.each<[string, SimulatedContainerState, Partial<LogOptions>, string]>([
    ["a running container", running, {}, STARTED],
    ["one that ended", ended, {}, STARTED + ENDED],
    ["the last line", ended, { tailLines: 1 }, ENDED],
    ["what is new enough", ended, { since: AT + 1 }, ENDED],
    ["so many bytes", ended, { limitBytes: 9 }, "simulated"],
    ["with times", running, { timestamps: true }, `2026-01-01T00:00:00.000000000Z ${STARTED}`],
  ])("tells of %s", async (_name, state, options, expected) => {
    expect(await read(() => state, options)).toBe(expected);
  });

  it("follows until the container ends", async () => {
    const clock = new FakeClock(AT);
    let state = running;
    const text = read(() => state, { follow: true }, clock);
    await clock.advance(1000);
    state = ended;
    await clock.advance(1000);
    expect(await text).toBe(STARTED + ENDED);
  });
});
