// How a version of a key lies on the disk: in LMDB under its revision, and on its way there in the journal.
import type { Version } from "./mvcc.ts";

/**
 * By revision, so that what is written lies together at the end of the tree: a transaction of many changes writes few
 * pages besides the values, and the process maps few. The second and later keys of one revision bear their number.
 */
export type RecordKey = number | [revision: number, place: number];

/** What comes before a record's key and value: create revision, version, deleted, lease; four doubles, then the key's length. */
const HEAD = 34;

export function sizeOfRecord(key: string, value: Uint8Array | undefined): number {
  return HEAD + Buffer.byteLength(key) + (value?.length ?? 0);
}

/** Fills `bytes`, which has the record's size. */
export function encodeRecord(bytes: Buffer, key: string, version: Version, value: Uint8Array | undefined): Buffer {
  bytes.writeDoubleLE(version.createRevision, 0);
  bytes.writeDoubleLE(version.version, 8);
  bytes.writeDoubleLE(version.deleted ? 1 : 0, 16);
  bytes.writeDoubleLE(version.lease ?? 0, 24);
  const keyLength = bytes.write(key, HEAD);
  bytes.writeUInt16LE(keyLength, HEAD - 2);
  if (value !== undefined) bytes.set(value, HEAD + keyLength);
  return bytes;
}

function valueStart(record: Buffer): number {
  return HEAD + record.readUInt16LE(HEAD - 2);
}

export function keyIn(record: Buffer): string {
  return record.toString("utf8", HEAD, valueStart(record));
}

export function valueIn(record: Buffer): Buffer {
  return record.subarray(valueStart(record));
}

export function versionIn(record: Buffer, revision: number): Version {
  const lease = record.readDoubleLE(24);
  return {
    revision,
    createRevision: record.readDoubleLE(0),
    version: record.readDoubleLE(8),
    deleted: record.readDoubleLE(16) === 1,
    ...(lease === 0 ? {} : { lease }),
  };
}

/** Which place a key has among those of one revision, where that is not the first: hardly ever. */
export class Places {
  readonly #places = new Map<string, number>();

  recordKey(key: string, revision: number): RecordKey {
    const place = this.#places.size === 0 ? undefined : this.#places.get(`${revision}\0${key}`);
    return place === undefined ? revision : [revision, place];
  }

  set(key: string, revision: number, place: number): void {
    if (place > 0) this.#places.set(`${revision}\0${key}`, place);
  }

  delete(key: string, revision: number): void {
    if (this.#places.size > 0) this.#places.delete(`${revision}\0${key}`);
  }
}
