// An acknowledged write survives kill -9 at any moment: a writer is killed a hundred times, and what it said was written must be there.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLmdbStore } from "./index.ts";

const WRITER = `
import { openLmdbStore } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
const store = await openLmdbStore({ dir: process.argv[1] });
const write = async (lane) => {
  for (let i = 0; ; i++) {
    const key = "/k/" + lane + "/" + (i % 7);
    const { revision } = await store.txn({ compare: [], then: [{ op: "put", key, value: Buffer.from(process.argv[2] + ":" + lane + ":" + i) }] });
    process.stdout.write(key + " " + process.argv[2] + ":" + lane + ":" + i + " " + revision + "\\n");
  }
};
for (let lane = 0; lane < 4; lane++) void write(lane);
`;

async function killedWriter(dir: string, round: number): Promise<string[]> {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", WRITER, dir, String(round)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let out = "";
  // Killed after a different number of acknowledgements each round.
  const target = 1 + ((round * 37) % 120);
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      if (out.split("\n").length > target) child.kill("SIGKILL");
    });
    child.once("close", () => resolve());
  });
  const lines = out.split("\n");
  // The last line may be cut short.
  return lines.slice(0, -1);
}

test("an acknowledged write survives kill -9, a hundred times", { timeout: 240_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), "knots-kill-"));
  try {
    const rounds = 100;
    const at_once = 2;
    for (let round = 0; round < rounds; round += at_once) {
      await Promise.all(
        Array.from({ length: at_once }, async (_, i) => {
          const own = join(dir, String(i));
          const acknowledged = await killedWriter(own, round + i);
          const latest = new Map<string, { value: string; revision: number }>();
          for (const line of acknowledged) {
            const [key = "", value = "", revision = "0"] = line.split(" ");
            if (Number(revision) > (latest.get(key)?.revision ?? 0))
              latest.set(key, { value, revision: Number(revision) });
          }
          expect(latest.size).toBeGreaterThan(0);
          const store = await openLmdbStore({ dir: own });
          for (const [key, { value, revision }] of latest) {
            const kv = await store.get(key);
            expect(kv?.modRevision ?? 0).toBeGreaterThanOrEqual(revision);
            if (kv?.modRevision === revision) expect(Buffer.from(kv.value).toString()).toBe(value);
          }
          await store[Symbol.asyncDispose]();
        }),
      );
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
