// The guide in the README, word for word: each command is run, each line below it has to be seen.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { canRunNodes, ROOT, TestCluster } from "./cluster.ts";

interface Step {
  readonly command: string;
  readonly seen: readonly string[];
}

/** The steps of every `console` block. */
function steps(markdown: string): Step[] {
  const found: { command: string; seen: string[] }[] = [];
  for (const [, block = ""] of markdown.matchAll(/```console\n(.*?)```/gs)) {
    for (const line of block.split("\n").filter((each) => each !== "")) {
      if (line.startsWith("$ ")) found.push({ command: line.slice(2), seen: [] });
      else found.at(-1)?.seen.push(line);
    }
  }
  return found;
}

/** A line of the guide as a pattern: `…` is anything, columns may be as wide as they like. */
function pattern(line: string): RegExp {
  const escape = (text: string): string =>
    text
      .trim()
      .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll(/\s+/g, String.raw`\s+`);
  return new RegExp(line.split("…").map(escape).join(".*"));
}

describe.skipIf(!canRunNodes)("the README's guide", () => {
  const cluster = new TestCluster("readme");
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  }, 120_000);

  test("does what it says", async () => {
    const all = steps(readFileSync(join(ROOT, "README.md"), "utf8"));
    expect(all.length).toBeGreaterThan(10);
    // One shell, so that what a step sets is there in the next; a mark after each tells its output and its exit code.
    const script = all
      .map(({ command }) => {
        const named = command.replace(/^\.\/knots (\S+)/, "./knots $1 --name readme");
        return `${named} 2>&1; echo "@@ $?"`;
      })
      .join("\n");
    const result = await cluster.run("bash", ["-c", script], { timeoutMs: 600_000 });
    const outputs = result.stdout.split(/@@ (\d+)\n/);
    for (const [i, step] of all.entries()) {
      const output = outputs[2 * i] ?? "";
      expect(`${step.command}: exit ${outputs[2 * i + 1]}\n${output}`).toContain(`${step.command}: exit 0`);
      for (const line of step.seen) expect(output, step.command).toMatch(pattern(line));
    }
  }, 600_000);
});
