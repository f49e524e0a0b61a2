// The two tools of the machine that this package uses.
import { spawn } from "node:child_process";

/** Runs a command with `input` on its standard input; answers its output. Throws with what it said when it fails. */
export type Runner = (command: string, args: readonly string[], input?: string) => Promise<string>;

export const runCommand: Runner = async (command, args, input = "") =>
  await new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.once("error", (error) => reject(new Error(`${command} cannot be run: ${error.message}`)));
    child.once("close", (code) =>
      code === 0
        ? resolve(Buffer.concat(out).toString())
        : reject(
            new Error(`${command} ${args.join(" ")} failed (exit ${code}): ${Buffer.concat(err).toString().trim()}`),
          ),
    );
    // A tool may end before it read its input; its exit code tells the story.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
