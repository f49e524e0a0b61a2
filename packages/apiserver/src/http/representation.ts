import { encodeObject } from "../watch-cache/encode-object.ts";
import type { Entry } from "../watch-cache/entry.ts";
import { bytesOf, encodedOf, objectOf } from "../registry/served.ts";
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
  /** The same made for once, not to be kept with the state. */
  encode(entry: Entry): Uint8Array;
}

/** Representation of single objects (get, write answers, watch events). */
export function representation(
  served: ServedResource,
  negotiated: Pick<Negotiated, "codec" | "as" | "metaVersion">,
  table: TableOptions,
): Representation {
  const { codec, as, metaVersion } = negotiated;
  const { group, version } = served.info;
  if (as === "table") {
    const encode = (entry: Entry): Uint8Array =>
      codec.encode(tableFor(served, [entry], { ...table, metaVersion }, entry.object.metadata ?? {}));
    return { form: undefined, bytes: encode, encode };
  }
  if (as === "partial") {
    const form = `${codec.mediaType}:partial:${metaVersion}`;
    return viewed(form, ({ object }) => codec.encode(partialMetadata(object, metaVersion)));
  }
  const form = `${codec.mediaType}:${group}/${version}`;
  if (codec.native) {
    return { form, bytes: (entry) => bytesOf(served, entry), encode: (entry) => encodedOf(served, entry) };
  }
  return viewed(form, (entry) => codec.encode(objectOf(served, entry)));
}

function viewed(form: string, encode: (entry: Entry) => Uint8Array): Representation {
  return { form, bytes: (entry) => entry.view(form, encode), encode };
}

/** JSON bytes of something that is no stored object. */
export const encodeAny = encodeObject;
