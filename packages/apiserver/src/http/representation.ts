import { encodeObject } from "../watch-cache/encode-object.ts";
import type { Entry } from "../watch-cache/entry.ts";
import { bytesOf, objectOf } from "../registry/served.ts";
import type { ServedResource } from "../registry/served.ts";
import { tableFor } from "../tables/table.ts";
import type { TableOptions } from "../tables/table.ts";
import type { Negotiated } from "./negotiate.ts";
import { partialMetadata } from "./partial.ts";

/** How the objects of one request are written: format, and object, table or metadata. */
export interface Representation {
  /** Equal strings mean equal bytes for one state: frames may be shared. Undefined: depends on the moment (ages in tables). */
  readonly form: string | undefined;
  bytes(entry: Entry): Uint8Array;
}

/** Representation of single objects (get, write answers, watch events). */
export function representation(served: ServedResource, negotiated: Negotiated, table: TableOptions): Representation {
  const { codec, as, metaVersion } = negotiated;
  const { group, version } = served.info;
  if (as === "table") {
    return {
      form: undefined,
      bytes: (entry) => codec.encode(tableFor(served, [entry], { ...table, metaVersion }, entry.object.metadata ?? {})),
    };
  }
  if (as === "partial") {
    const form = `${codec.mediaType}:partial:${metaVersion}`;
    return {
      form,
      bytes: (entry) => entry.view(form, (object) => codec.encode(partialMetadata(object, metaVersion))),
    };
  }
  if (codec.native) {
    return { form: `${codec.mediaType}:${group}/${version}`, bytes: (entry) => bytesOf(served, entry) };
  }
  const form = `${codec.mediaType}:${group}/${version}`;
  return { form, bytes: (entry) => entry.view(form, () => codec.encode(objectOf(served, entry))) };
}

/** JSON bytes of something that is no stored object. */
export const encodeAny = encodeObject;
