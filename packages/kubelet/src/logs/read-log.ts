/** Reading a container's log file as `kubectl logs` asks for it, from the end or from a time, and following it. */
import { watch } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { parseLogLine } from "./log-line.ts";

export interface LogOptions {
  readonly follow: boolean;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  readonly timestamps: boolean;
  /** Milliseconds since the epoch; older records are left out. */
  readonly since: number | undefined;
  readonly stream: "stdout" | "stderr" | undefined;
}

const CHUNK = 64 * 1024;
const NEWLINE = 0x0a;
/** How long a follower waits for a hint that the file grew before it looks by itself. */
const LOOK_MS = 1_000;

/**
 * Yields the log's text. `isRunning` is asked at the end of the file: a follower ends with its container, after what
 * it wrote last. A rotated file is read to its end before the new one.
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  isRunning: () => boolean,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let left = options.limitBytes ?? Infinity;
  const format = new Formatter(options);
  let file = await open(path);
  try {
    const { size } = await file.stat();
    let position = options.tailLines === undefined ? 0 : await tailStart(file, options.tailLines, size);
    // Who does not follow sees the log as it is now: a busy container would add to its last lines while they are read.
    const end = options.follow ? Infinity : size;
    let rest: Buffer = Buffer.alloc(0);
    while (!signal.aborted && left > 0) {
      // Asked before the read: what a container wrote before it ended is there by then.
      const running = isRunning();
      const chunk = Buffer.allocUnsafe(CHUNK);
      const { bytesRead } = await file.read(chunk, 0, Math.min(CHUNK, end - position), position);
      position += bytesRead;
      if (bytesRead > 0) {
        const { out, remainder } = format.records(Buffer.concat([rest, chunk.subarray(0, bytesRead)]));
        rest = Buffer.from(remainder);
        const text = out.subarray(0, Math.min(out.length, left));
        left -= text.length;
        if (text.length > 0) yield text;
        continue;
      }
      if (!options.follow) return;
      const next = await rotated(path, file);
      if (next !== undefined) {
        await file.close();
        file = next;
        position = 0;
        rest = Buffer.alloc(0);
        continue;
      }
      if (!running) return;
      await changed(path, signal);
    }
  } finally {
    await file.close();
  }
}

/** Records to what is shown of them. */
class Formatter {
  readonly #options: LogOptions;
  #inLine = false;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  records(bytes: Buffer): { out: Buffer; remainder: Buffer } {
    const parts: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#record(bytes.subarray(start, end), parts);
      start = end + 1;
    }
    return { out: Buffer.concat(parts), remainder: bytes.subarray(start) };
  }

  #record(bytes: Buffer, parts: Buffer[]): void {
    const line = parseLogLine(bytes);
    if (line === undefined) return;
    const { since, stream, timestamps } = this.#options;
    if (since !== undefined && Date.parse(line.time) < since) return;
    if (stream !== undefined && line.stream !== stream) return;
    if (timestamps && !this.#inLine) parts.push(Buffer.from(`${line.time} `));
    parts.push(line.text);
    if (!line.partial) parts.push(Buffer.from("\n"));
    this.#inLine = line.partial;
  }
}

/** Where the last `lines` records of a file of `size` bytes begin. */
async function tailStart(file: FileHandle, lines: number, size: number): Promise<number> {
  if (lines <= 0) return size;
  let found = 0;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - CHUNK);
    const chunk = Buffer.allocUnsafe(end - start);
    await file.read(chunk, 0, chunk.length, start);
    for (let i = chunk.length - 1; i >= 0; i--) {
      // The newline that ends the file ends the last record, and begins none.
      if (chunk[i] !== NEWLINE || start + i === size - 1) continue;
      found++;
      if (found === lines) return start + i + 1;
    }
    end = start;
  }
  return 0;
}

/** The file that stands at `path` now, when it is another than the open one. */
async function rotated(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const own = await file.stat();
  try {
    const now = await stat(path);
    return now.ino === own.ino && now.dev === own.dev ? undefined : await open(path);
  } catch (error) {
    // Between the rename and the runtime's new file there is none.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Resolves when something happens in the file's folder, or after a moment. */
async function changed(path: string, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, LOOK_MS);
    let watcher: ReturnType<typeof watch> | undefined;
    function done(): void {
      clearTimeout(timer);
      watcher?.close();
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
    try {
      watcher = watch(dirname(path), done);
      watcher.on("error", done);
    } catch {
      // Without a watcher (too many, or the folder is gone) the timer looks again.
    }
  });
}
