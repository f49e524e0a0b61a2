import { describe, expect, it } from "vitest";
import type { LogEntry } from "./embedded-store.ts";
import { frameOf, recordsIn, seal } from "./journal-frame.ts";
import { keyIn, valueIn, versionIn } from "./record.ts";

const MARK = Buffer.from("12345678");
const OTHER_MARK = Buffer.from("87654321");

function entry(revision: number, values: Record<string, string | undefined>): LogEntry {
  const changes = Object.entries(values).map(([key, value]) => ({
    key,
    version: { revision, createRevision: 2, version: 3, deleted: value === undefined, lease: 7 },
    value: value === undefined ? undefined : Buffer.from(value),
  }));
  return { revision, changes };
}

function sealed(entries: readonly LogEntry[], mark: Buffer = MARK): Buffer {
  const frame = frameOf(entries, (size) => Buffer.alloc(size));
  seal(frame, mark);
  return frame.bytes;
}

const found = (file: Buffer): string[] =>
  [...recordsIn(file)].map(
    ({ revision, place, record }) => `${revision}.${place} ${keyIn(record)}=${valueIn(record).toString()}`,
  );

describe("a journal's frames", () => {
  const first = sealed([entry(2, { "/a": "one", "/ü": "" }), entry(3, { "/a": undefined })]);
  const second = sealed([entry(4, { "/b": "two" })]);
  const whole = Buffer.concat([first, second]);
  const [inFirst, inBoth] = [
    ["2.0 /a=one", "2.1 /ü=", "3.0 /a="],
    ["2.0 /a=one", "2.1 /ü=", "3.0 /a=", "4.0 /b=two"],
  ];

  it("give back what was laid out", () => {
    expect(found(whole)).toEqual(inBoth);
    const versions = [...recordsIn(whole)].map(({ revision, record }) => versionIn(record, revision));
    expect(versions[2]).toEqual({ revision: 3, createRevision: 2, version: 3, deleted: true, lease: 7 });
  });

  it("count only when they are there to the last byte", () => {
    for (let length = 0; length < whole.length; length++) {
      const expected = length < first.length ? [] : inFirst;
      expect(found(whole.subarray(0, length)), `${length} bytes`).toEqual(expected);
      // On a disk the rest is not missing: it is what was there before.
      const padded = Buffer.concat([whole.subarray(0, length), Buffer.alloc(whole.length - length)]);
      expect(found(padded), `${length} bytes, then zeros`).toEqual(expected);
    }
  });

  it("do not count when any byte differs", () => {
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(found(changed), `byte ${at}`).toEqual(at < first.length ? [] : inFirst);
    }
  });

  it("end where an earlier lap goes on", () => {
    const former = sealed([entry(1, { "/old": "x" })], OTHER_MARK);
    expect(found(Buffer.concat([first, former, former]))).toEqual(inFirst);
  });

  it("are not taken from what users store", () => {
    const forged = sealed([entry(9, { "/registry/clusterrolebindings/mine": "admin" })], OTHER_MARK);
    const holding = sealed([entry(4, { "/b": forged.toString("latin1") })]);
    // A shorter frame was written over one that held it, and the forged one begins just there.
    const torn = Buffer.concat([first, forged, holding]);
    expect(found(torn)).toEqual(inFirst);
  });
});
