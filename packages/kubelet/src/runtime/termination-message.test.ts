import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ContainerStatus } from "../generated/cri.ts";
import { ANNOTATION_TERMINATION_PATH, ANNOTATION_TERMINATION_POLICY } from "./labels.ts";
import { fileMessageReader, logTail } from "./termination-message.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "termination-test-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function read(file: string, policy: string, exitCode: number): Promise<string> {
  await writeFile(join(directory, "message"), file);
  await writeFile(
    join(directory, "0.log"),
    "2026-01-01T00:00:00Z stdout F one\n2026-01-01T00:00:00Z stderr P tw\n2026-01-01T00:00:00Z stderr F o\n",
  );
  return fileMessageReader.read(
    ContainerStatus.create({
      exitCode,
      logPath: join(directory, "0.log"),
      mounts: [{ containerPath: "/dev/termination-log", hostPath: join(directory, "message") }],
      annotations: { [ANNOTATION_TERMINATION_PATH]: "/dev/termination-log", [ANNOTATION_TERMINATION_POLICY]: policy },
    }),
  );
}

describe("termination message", () => {
  it("is the file's, cut to 4096 bytes", async () => {
    expect(await read("bye", "File", 1)).toBe("bye");
    expect(await read("x".repeat(5000), "File", 0)).toHaveLength(4096);
  });
  it("is the log's end only when asked for, after a failure, and the file is empty", async () => {
    expect(await read("", "FallbackToLogsOnError", 1)).toBe("one\ntwo\n");
    expect(await read("", "FallbackToLogsOnError", 0)).toBe("");
    expect(await read("file", "FallbackToLogsOnError", 1)).toBe("file");
    expect(await read("", "File", 1)).toBe("");
  });
  it("takes at most 80 lines and 2048 bytes", () => {
    const log = Array.from({ length: 200 }, (_, i) => `t stdout F line${i}`).join("\n");
    expect(logTail(`${log}\n`).split("\n")[0]).toBe("line120");
    expect(logTail(`t stdout F ${"y".repeat(3000)}\n`)).toHaveLength(2048);
  });
});
