// Running a host command with its input given, for `nft` and `conntrack`.
import { spawn } from "node:child_process";

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Runner = (command: string, args: readonly string[], input?: string) => Promise<RunResult>;

/** Resolves with exit code and output; rejects only when the command cannot be started. */
export const runCommand: Runner = async (command, args, input = "") =>
  await new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
    // A command that ends before it read everything says so by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
