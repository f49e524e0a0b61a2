// `knots test`: everything CI runs, each step in its own process, then what failed.
import { spawn } from "node:child_process";
import { Command } from "commander";
import { prepareMachine } from "../cluster/lifecycle.ts";
import { newProgress } from "../progress.ts";

interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

function endToEnd(project: string): readonly string[] {
  const config = ["--config", "vitest.e2e.config.ts", "--project", project];
  return ["npx", "--no-install", "vitest", "run", ...config, "--reporter=verbose"];
}

const STEPS: readonly Step[] = [
  { name: "generate", command: [process.execPath, "scripts/build.ts", "--generate-only"] },
  { name: "format", command: ["npx", "--no-install", "oxfmt", "--check", "."] },
  { name: "lint", command: ["npx", "--no-install", "oxlint", "--type-aware"] },
  { name: "types", command: ["npx", "--no-install", "tsc", "-p", "tsconfig.json"] },
  { name: "tests", command: ["npx", "--no-install", "vitest", "run", "--reporter=default"] },
  { name: "end to end", command: endToEnd("clusters") },
  { name: "workloads end to end", command: endToEnd("workloads") },
];

/** Steps that count their own tests. */
const RUNNERS = new Set(["tests", "end to end", "workloads end to end"]);

/** Runs a step with its output passed on, and the runner's counts read from it. */
async function runStep(step: Step, cwd: string): Promise<{ code: number; passed: number; failed: number }> {
  return await new Promise((resolve, reject) => {
    const [command = "", ...args] = step.command;
    const child = spawn(command, args, {
      cwd,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    let tail = "";
    child.stdout.on("data", (chunk: Buffer) => {
      process.stdout.write(chunk);
      tail = (tail + chunk.toString()).slice(-4_000);
    });
    child.once("error", reject);
    child.once("close", (code) => {
      const summary = /^\s*Tests\s+(.*)$/m.exec(tail)?.[1] ?? "";
      const figure = (word: string): number => Number(new RegExp(`(\\d+) ${word}`).exec(summary)?.[1] ?? 0);
      resolve({ code: code ?? 1, passed: figure("passed"), failed: figure("failed") });
    });
  });
}

async function test(): Promise<void> {
  const root = process.env["KNOTS_ROOT"] ?? process.cwd();
  // Root's tests make namespaces, rules and clusters: what they need comes first, as `up` would bring it.
  if (process.getuid?.() === 0) await prepareMachine(newProgress(), { forTests: true });
  let passed = 0;
  let failed = 0;
  const broken: string[] = [];
  for (const step of STEPS) {
    console.log(`\n== ${step.name}`);
    const result = await runStep(step, root);
    passed += result.passed;
    failed += result.failed;
    if (result.code !== 0) broken.push(step.name);
    // Checks count as one test each, so that a lint error shows in the figures.
    if (!RUNNERS.has(step.name)) {
      if (result.code === 0) passed++;
      else failed++;
    } else if (result.code !== 0 && result.failed === 0) failed++;
  }
  if (broken.length > 0) console.log(`\nnot green: ${broken.join(", ")}`);
  console.log(`${passed} passed, ${failed} failed`);
  if (broken.length > 0) process.exitCode = 1;
}

export function testCommand(): Command {
  return new Command("test").description("run everything that CI runs").action(test);
}
