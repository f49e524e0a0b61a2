import { newNotAcceptable } from "@knots/machinery";
import { jsonCodec } from "./codecs.ts";
import type { Codec, Codecs } from "./codecs.ts";

/** How an answer is to be written. */
export interface Negotiated {
  readonly codec: Codec;
  /** The object itself, a Table of it, or its metadata alone. */
  readonly as: "object" | "table" | "partial";
  /** Version of meta.k8s.io for tables and metadata. */
  readonly metaVersion: string;
  /** `as=PartialObjectMetadataList` was asked for. */
  readonly partialList: boolean;
}

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

const PLAIN: Negotiated = { codec: jsonCodec, as: "object", metaVersion: "v1", partialList: false };

const cache = new Map<string, readonly MediaRange[]>();

/** Media ranges of an Accept header, best first; among equals the order of the header. */
export function parseAccept(accept: string): readonly MediaRange[] {
  let ranges = cache.get(accept);
  if (ranges !== undefined) return ranges;
  ranges = accept
    .split(",")
    .map(parseRange)
    .filter((range) => range.type !== "" && range.quality > 0)
    .sort((a, b) => b.quality - a.quality);
  // Clients send a handful of different headers; a stranger must not fill the memory with others.
  if (cache.size < 200) cache.set(accept, ranges);
  return ranges;
}

function parseRange(text: string): MediaRange {
  const [type = "", ...rest] = text.split(";");
  const parameters = new Map<string, string>();
  let quality = 1;
  for (const part of rest) {
    const equals = part.indexOf("=");
    if (equals < 0) continue;
    const name = part.slice(0, equals).trim().toLowerCase();
    const value = part
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, "$1");
    if (name === "q") quality = Number(value);
    else parameters.set(name, value);
  }
  return { type: type.trim().toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 1 };
}

/** What the answer will be, as far as that limits its form. */
export interface Negotiable {
  /** Tables and partial metadata are possible. */
  readonly transforms: boolean;
  /** A custom resource: no protobuf of the object itself. */
  readonly custom?: boolean;
}

/** Chooses the answer's form by the Accept header. Throws NotAcceptable when nothing fits. */
export function negotiate(accept: string | undefined, codecs: Codecs, wanted: Negotiable): Negotiated {
  // What nearly every client but kubectl asks for.
  if (accept === undefined || accept === PLAIN.codec.mediaType) return PLAIN;
  return choose(accept, codecs, wanted);
}

function choose(accept: string, codecs: Codecs, { transforms, custom }: Negotiable): Negotiated {
  const ranges = accept === "" ? parseAccept("*/*") : parseAccept(accept);
  for (const range of ranges) {
    const codec = codecs.forAccept(range.type);
    if (codec === undefined) continue;
    const as = range.parameters.get("as") ?? "";
    const metaVersion = range.parameters.get("v") ?? "v1";
    if (custom === true && as === "" && codec.supports !== undefined) continue;
    if (as === "") return { codec, as: "object", metaVersion, partialList: false };
    if (!transforms || range.parameters.get("g") !== "meta.k8s.io") continue;
    if (metaVersion !== "v1" && metaVersion !== "v1beta1") continue;
    // A table holds any value in its cells: it has no protobuf form here.
    if (as === "Table" && codec.supports !== undefined) continue;
    if (as === "Table") return { codec, as: "table", metaVersion, partialList: false };
    if (as === "PartialObjectMetadata") return { codec, as: "partial", metaVersion, partialList: false };
    if (as === "PartialObjectMetadataList") return { codec, as: "partial", metaVersion, partialList: true };
  }
  throw newNotAcceptable(codecs.mediaTypes());
}
