/** The last words of a container: from its termination message file, or from the end of its log. */
import { open, readFile } from "node:fs/promises";
import type { cri } from "../cri/types.ts";
import { ANNOTATION_TERMINATION_PATH, ANNOTATION_TERMINATION_POLICY } from "./labels.ts";

const MAX_MESSAGE_BYTES = 4096;
const MAX_LOG_BYTES = 2048;
const MAX_LOG_LINES = 80;

export interface MessageReader {
  read(status: cri.ContainerStatus): Promise<string>;
}

/** Reads from the node's filesystem. What cannot be read is no message. */
export const fileMessageReader: MessageReader = {
  async read(status) {
    const path = status.annotations[ANNOTATION_TERMINATION_PATH];
    const mount = status.mounts.find((candidate) => candidate.containerPath === path);
    const message = mount === undefined ? "" : await head(mount.hostPath, MAX_MESSAGE_BYTES);
    const fallback = status.annotations[ANNOTATION_TERMINATION_POLICY] === "FallbackToLogsOnError";
    if (message !== "" || !fallback || status.exitCode === 0) return message;
    return logTail(await readFile(status.logPath, "utf8").catch(() => ""));
  },
};

async function head(path: string, bytes: number): Promise<string> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return "";
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The last lines of a log in CRI format ("time stream tag text"), without the first three columns. */
export function logTail(log: string): string {
  let text = "";
  for (const line of log.split("\n").slice(-MAX_LOG_LINES - 1)) {
    const [, , tag, ...rest] = line.split(" ");
    if (tag === undefined) continue;
    // "P" marks a line that goes on in the next record.
    text += rest.join(" ") + (tag.startsWith("P") ? "" : "\n");
  }
  return Buffer.from(text).subarray(-MAX_LOG_BYTES).toString("utf8");
}
