import { createReadStream, createWriteStream } from "node:fs";
import { open, readdir, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Clock } from "@knots/machinery";
import type { LineSink } from "./log-sink.ts";

const MEGABYTE = 1024 * 1024;
const DAY_MS = 86_400_000;
/** When no size is given. */
const DEFAULT_MEGABYTES = 100;

export interface RotationOptions {
  readonly path: string;
  /** Megabytes; 0: 100. */
  readonly maxSize: number;
  /** Days; 0: for ever. */
  readonly maxAge: number;
  /** Old files kept; 0: all. */
  readonly maxBackup: number;
  readonly compress: boolean;
}

/** A file that is set aside, with the time in its name, when it has grown too large. */
export class RotatingFile implements LineSink {
  readonly #options: RotationOptions;
  readonly #clock: Clock;
  #file: FileHandle | undefined;
  #size = 0;

  constructor(options: RotationOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Opens the file, so that a path which cannot be written is known at start. */
  async open(): Promise<void> {
    this.#file = await open(this.#options.path, "a", 0o600);
    this.#size = (await this.#file.stat()).size;
  }

  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const limit = (this.#options.maxSize > 0 ? this.#options.maxSize : DEFAULT_MEGABYTES) * MEGABYTE;
    if (this.#size > 0 && this.#size + bytes.length > limit) await this.#rotate();
    if (this.#file === undefined) await this.open();
    await this.#file?.appendFile(bytes);
    this.#size += bytes.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #rotate(): Promise<void> {
    const { path, compress } = this.#options;
    await this.#file?.close();
    this.#file = undefined;
    const extension = extname(path);
    const stamp = new Date(this.#clock.now()).toISOString().replace("Z", "").replaceAll(":", "-");
    const aside = join(dirname(path), `${basename(path, extension)}-${stamp}${extension}`);
    await rename(path, aside);
    await this.open();
    if (compress) {
      await pipeline(createReadStream(aside), createGzip(), createWriteStream(`${aside}.gz`, { mode: 0o600 }));
      await rm(aside);
    }
    await this.#prune();
  }

  /** Removes what is too old or too many. */
  async #prune(): Promise<void> {
    const { path, maxAge, maxBackup } = this.#options;
    const extension = extname(path);
    const prefix = `${basename(path, extension)}-`;
    const backups = (await readdir(dirname(path)))
      .filter((name) => name.startsWith(prefix) && (name.endsWith(extension) || name.endsWith(`${extension}.gz`)))
      .flatMap((name) => {
        const time = timeOf(name.slice(prefix.length));
        return time === undefined ? [] : [{ name, time }];
      })
      .sort((a, b) => b.time - a.time);
    const oldest = this.#clock.now() - maxAge * DAY_MS;
    for (const [i, { name, time }] of backups.entries()) {
      if ((maxBackup > 0 && i >= maxBackup) || (maxAge > 0 && time < oldest)) await rm(join(dirname(path), name));
    }
  }
}

/** The time in a name like 2026-01-02T03-04-05.678.log; undefined when the file is not ours. */
function timeOf(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})/.exec(text);
  return match === null ? undefined : Date.parse(`${match[1]}T${match[2]}:${match[3]}:${match[4]}Z`);
}

/** --audit-log-path=- */
export class StandardOutput implements LineSink {
  append(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
