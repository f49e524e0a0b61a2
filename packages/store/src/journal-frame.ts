// What is made durable with one write: changes of one or several revisions, and how to know later that all of it arrived.
import { crc32 } from "node:zlib";
import type { LogEntry } from "./embedded-store.ts";
import { encodeRecord, sizeOfRecord } from "./record.ts";

/** A record on its way to LMDB. `place`: the how manieth of its revision's. */
export interface Journaled {
  readonly revision: number;
  readonly place: number;
  readonly record: Buffer;
}

export interface Frame {
  readonly bytes: Buffer;
  /** Parts of `bytes`. */
  readonly records: readonly Journaled[];
}

/** A frame's checksum (of all that follows), its length (of what follows the mark), and the mark of its lap. */
const HEAD = 16;
/** A record's length and its revision. */
const RECORD_HEAD = 12;

/** Says of a frame that it belongs to one lap through a file. Random: what users store must not be able to pass for a frame. */
export const MARK_BYTES = 8;

/** Lays out what `entries` write; `room` gives the bytes for it. The frame still lacks its mark and checksum. */
export function frameOf(entries: readonly LogEntry[], room: (size: number) => Buffer): Frame {
  let size = HEAD;
  const sizes: number[] = [];
  for (const { changes } of entries) {
    for (const { key, value } of changes) {
      const length = sizeOfRecord(key, value);
      sizes.push(length);
      size += RECORD_HEAD + length;
    }
  }
  const bytes = room(size);
  const records: Journaled[] = [];
  let at = HEAD;
  for (const { revision, changes } of entries) {
    changes.forEach(({ key, version, value }, place) => {
      const length = sizes[records.length] ?? 0;
      bytes.writeUInt32LE(length, at);
      bytes.writeDoubleLE(revision, at + 4);
      at += RECORD_HEAD;
      records.push({ revision, place, record: encodeRecord(bytes.subarray(at, at + length), key, version, value) });
      at += length;
    });
  }
  return { bytes, records };
}

export function seal({ bytes }: Frame, mark: Uint8Array): void {
  bytes.writeUInt32LE(bytes.length - HEAD, 4);
  bytes.set(mark, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
}

/** The records of a file's last lap, up to the first frame that did not arrive whole; what comes after it is of an earlier lap. */
export function* recordsIn(file: Buffer): Generator<Journaled> {
  const mark = file.subarray(8, HEAD);
  for (let start = 0; start + HEAD <= file.length;) {
    const end = start + HEAD + file.readUInt32LE(start + 4);
    if (end === start + HEAD || end > file.length || !file.subarray(start + 8, start + HEAD).equals(mark)) return;
    if (crc32(file.subarray(start + 4, end)) !== file.readUInt32LE(start)) return;
    let revision = 0;
    let place = 0;
    for (let at = start + HEAD; at < end;) {
      const length = file.readUInt32LE(at);
      const next = file.readDoubleLE(at + 4);
      place = next === revision ? place + 1 : 0;
      revision = next;
      at += RECORD_HEAD;
      yield { revision, place, record: file.subarray(at, at + length) };
      at += length;
    }
    start = end;
  }
}
