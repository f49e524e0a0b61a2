import type { RootDatabase } from "lmdb";
import { encodeRecord, sizeOfRecord, versionIn } from "./record.ts";
import type { RecordKey } from "./record.ts";

/** How older versions of the file named a record. */
type FormerKey = [key: string, revision: number];

/** What came before the value then; the key was in the name alone. */
const FORMER_HEAD = 32;

/** Gives the records of a file that an older version made their names of today, all or none. */
export function renameFormer(root: RootDatabase<Buffer, RecordKey>): void {
  const former = root as unknown as RootDatabase<Buffer, FormerKey>;
  const names = Array.from(former.getKeys()).filter((name) => Array.isArray(name) && typeof name[0] === "string");
  if (names.length === 0) return;
  const places = new Map<number, number>();
  root.transactionSync(() => {
    for (const name of names) {
      const [key, revision] = name;
      const old = former.getBinary(name);
      if (old === undefined) continue;
      const value = old.subarray(FORMER_HEAD);
      const version = versionIn(old, revision);
      const record = encodeRecord(Buffer.allocUnsafeSlow(sizeOfRecord(key, value)), key, version, value);
      const place = places.get(revision) ?? 0;
      places.set(revision, place + 1);
      root.putSync(place === 0 ? revision : [revision, place], record);
      former.removeSync(name);
    }
  });
}
