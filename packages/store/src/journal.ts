import { randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync } from "node:fs";
import { readFileSync, readSync, write, writeSync } from "node:fs";
import { join } from "node:path";
import { MARK_BYTES, recordsIn, seal } from "./journal-frame.ts";
import type { Frame, Journaled } from "./journal-frame.ts";

/** Bytes after which the other file takes its turn. Larger ones would take longer to read after a crash. */
const LAP = 8 * 1024 * 1024;

/** Each write returns when its bytes, and what is needed to find them, are on the disk. */
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC;

/** No frame begins so. */
const NOTHING = Buffer.alloc(16);

/** One of the two files, written over and over from its beginning, so that the disk need not find room for it each time. */
interface JournalFile {
  readonly fd: number;
  /** The highest revision in it. */
  last: number;
}

/**
 * Where changes are durable first: one write of one piece, where LMDB takes two flushes and a page for each branch of its
 * tree. What it holds is put into LMDB a moment later, many changes together; then the file may be written over.
 *
 * Two files take turns. A frame (journal-frame.ts) counts if all of it is there, so that a write which a power cut
 * divides is the same as none; it was not acknowledged.
 */
export class Journal {
  readonly #files: readonly [JournalFile, JournalFile];
  readonly #lap: number;
  #current = 0;
  #offset = 0;
  #mark: Uint8Array = randomBytes(MARK_BYTES);
  /** LMDB has all revisions up to this one. */
  #settled: number;

  private constructor(files: readonly [JournalFile, JournalFile], settled: number, lap: number) {
    this.#files = files;
    this.#settled = settled;
    this.#lap = lap;
  }

  /**
   * Gives what the files in `dir` (which there must be) hold of revisions after `settled` to `replay`, in order, and
   * begins anew once that has put them elsewhere, durably.
   */
  static async open(
    dir: string,
    settled: number,
    replay: (records: readonly Journaled[]) => Promise<void>,
    options: { lap?: number } = {},
  ): Promise<Journal> {
    const open = (name: string): JournalFile => ({ fd: openSync(join(dir, name), FLAGS, 0o600), last: 0 });
    const files = [open("journal-0"), open("journal-1")] as const;
    syncDirectory(dir);
    const missed = unbroken(
      files.flatMap(({ fd }) => (isEmpty(fd) ? [] : [...recordsIn(readFileSync(fd))])),
      settled,
    );
    if (missed.length > 0) await replay(missed);
    // Revisions after a missing one would else be found again beside new ones of the same number.
    for (const { fd } of files) empty(fd);
    return new Journal(files, missed.at(-1)?.revision ?? settled, options.lap ?? LAP);
  }

  /** Whether something can be written now, in the other file if this one is full. Not while both are full of what is not settled. */
  ready(): boolean {
    if (this.#offset < this.#lap) return true;
    const other = this.#files[1 - this.#current];
    if (other === undefined || other.last > this.#settled) return false;
    this.#current = 1 - this.#current;
    this.#offset = 0;
    this.#mark = randomBytes(MARK_BYTES);
    // Single large frames may have made it longer than it has to be.
    if (fstatSync(other.fd).size > 2 * this.#lap) ftruncateSync(other.fd, this.#lap);
    return true;
  }

  /** Resolves when the frame is durable. To be called when `ready`, in the order of revisions. */
  async write(frame: Frame): Promise<void> {
    const file = this.#files[this.#current];
    if (file === undefined) throw new Error("the journal has no file");
    const offset = this.#offset;
    this.#offset += frame.bytes.length;
    file.last = frame.records.at(-1)?.revision ?? file.last;
    seal(frame, this.#mark);
    for (let done = 0; done < frame.bytes.length;) {
      done += await writeSome(file.fd, frame.bytes.subarray(done), offset + done);
    }
  }

  /** Revisions up to this one are kept elsewhere. */
  settle(revision: number): void {
    this.#settled = revision;
  }

  /** Nothing is being written. What is settled need not be read again when the store is opened. */
  close(): void {
    for (const { fd, last } of this.#files) {
      if (last <= this.#settled) empty(fd);
      closeSync(fd);
    }
  }
}

function writeSome(fd: number, bytes: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, position, (error, written) => {
      if (error === null) resolve(written);
      else reject(new Error(`the store's journal cannot be written: ${error.message}`, { cause: error }));
    });
  });
}

/** Of a file that was closed in order, or is new, nothing more is read. */
function isEmpty(fd: number): boolean {
  const head = Buffer.alloc(NOTHING.length);
  readSync(fd, head, 0, head.length, 0);
  return head.equals(NOTHING);
}

function empty(fd: number): void {
  if (!isEmpty(fd)) writeSync(fd, NOTHING, 0, NOTHING.length, 0);
}

/** Revisions follow each other; what comes after a missing one was never acknowledged, because the missing one was not. */
function unbroken(records: readonly Journaled[], settled: number): Journaled[] {
  const found: Journaled[] = [];
  let last = settled;
  for (const record of records.toSorted((a, b) => a.revision - b.revision || a.place - b.place)) {
    if (record.revision <= settled) continue;
    if (record.revision > last + 1) break;
    last = record.revision;
    found.push(record);
  }
  return found;
}

/** A file that was just made is lost with a power cut until its directory is on the disk. */
function syncDirectory(dir: string): void {
  const fd = openSync(dir, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
