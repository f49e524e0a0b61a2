import { checkDepth, decodeProtobuf, encodeProtobuf, encodeWatchFrame, hasProtobuf, parseJson } from "@knots/api";
import { newUnsupportedMediaType } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { stringify as stringifyYaml } from "yaml";
import { encodeLine, escapeJson } from "../json-line.ts";
import { readYaml } from "./yaml-thread.ts";
import { bodyProblem, goJsonType, GO_TYPE_META } from "./body-problem.ts";
import { parseMediaType } from "./media-type.ts";
import { protobufListParts } from "./protobuf-list.ts";

/** What stands in a list before its items. */
export interface ListHead {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: object;
}

/** A list in pieces, to be written one after the other. */
export interface ListParts {
  readonly parts: readonly Uint8Array[];
  /** Present where what lies between the first part and the last are items that end in a byte to be replaced. */
  readonly joints?: Joints;
}

/** What is written instead of the last byte of an item. */
export interface Joints {
  readonly between: number;
  readonly last: number;
}

/** An item is a line; in a list a comma stands for its line feed, and the bracket after the last. */
const JOINTS: Joints = { between: 0x2c, last: 0x5d };

/**
 * One wire format. JSON is the form in which the cache keeps objects, so its bytes pass through untouched; another
 * codec (protobuf) makes its bytes from the decoded object, once per object.
 */
export interface Codec {
  readonly mediaType: string;
  /** True for the codec whose object bytes are those of the cache. */
  readonly native: boolean;
  /** Content-Type of a watch in this format; undefined: it cannot be watched in. */
  readonly streamMediaType: string | undefined;
  encode(object: object): Uint8Array;
  /** Whether objects of a kind have this form; formats that carry any object leave it out. */
  supports?(apiVersion: string, kind: string): boolean;
  /** Throws Error on what does not parse. */
  decode(body: Uint8Array): unknown;
  /** An item as it is in a list, where that is not what it is alone. */
  listItem?(this: void, object: object): Uint8Array;
  /** A list made from its items' bytes, in pieces. */
  list(head: ListHead, items: readonly Uint8Array[]): ListParts;
  /** A table likewise, of its rows; undefined: it is encoded as one object. */
  table?(head: object, rows: readonly Uint8Array[]): ListParts;
  /** Frames one watch event around an object's bytes in this format. */
  frame(type: string, object: Uint8Array): Uint8Array;
}

const encoder = new TextEncoder();
const LIST_END = encoder.encode("}\n");
const EMPTY_LIST_END = encoder.encode("]}\n");
const decoder = new TextDecoder("utf-8", { fatal: true });
const NO_VERSION = "couldn't get version/kind; json parse error: ";

/** An object with one more field, the list. */
function jsonList(head: object, field: "items" | "rows", items: readonly Uint8Array[]): ListParts {
  const start = encoder.encode(escapeJson(`${JSON.stringify(head).slice(0, -1)},"${field}":[`));
  return items.length === 0
    ? { parts: [start, EMPTY_LIST_END] }
    : { parts: [start, ...items, LIST_END], joints: JOINTS };
}

export const jsonCodec: Codec = {
  mediaType: "application/json",
  native: true,
  streamMediaType: "application/json",
  encode: (object) => encodeLine(JSON.stringify(object)),
  decode(body) {
    try {
      return parseJson(body);
    } catch (error) {
      throw new SyntaxError(NO_VERSION + (error as Error).message, { cause: error });
    }
  },
  list: ({ kind, apiVersion, metadata }, items) => jsonList({ kind, apiVersion, metadata }, "items", items),
  table: (head, rows) => jsonList(head, "rows", rows),
  frame(type, object) {
    const head = encoder.encode(`{"type":"${type}","object":`);
    const bytes = new Uint8Array(head.length + object.length + 1);
    bytes.set(head);
    bytes.set(object, head.length);
    // The brace takes the place of the object's own line feed.
    bytes[bytes.length - 2] = 0x7d;
    bytes[bytes.length - 1] = 0x0a;
    return bytes;
  },
};

/** Keys in order and lists not indented, as Go writes it. */
function encodeYaml(value: object): Uint8Array {
  const options = { version: "1.1", aliasDuplicateObjects: false, sortMapEntries: true, indentSeq: false } as const;
  return encoder.encode(stringifyYaml(value, options));
}

export const yamlCodec: Codec = {
  mediaType: "application/yaml",
  native: false,
  streamMediaType: undefined,
  encode: encodeYaml,
  decode(body) {
    // Throws on what is no UTF-8.
    decoder.decode(body);
    return readYaml(body).value;
  },
  listItem: (object) => encodeYaml([object]),
  list({ kind, apiVersion, metadata }, items) {
    if (items.length === 0) return { parts: [encodeYaml({ kind, apiVersion, metadata, items: [] })] };
    const start = Buffer.concat([encodeYaml({ apiVersion }), encoder.encode("items:\n")]);
    return { parts: [start, ...items, encodeYaml({ kind, metadata })] };
  },
  frame() {
    throw new Error("a watch cannot be answered in YAML");
  },
};

/** Built-in kinds only: custom resources have no protobuf form. */
export const protobufCodec: Codec = {
  mediaType: "application/vnd.kubernetes.protobuf",
  native: false,
  streamMediaType: "application/vnd.kubernetes.protobuf;stream=watch",
  supports: hasProtobuf,
  encode: (object) => encodeProtobuf(object),
  decode: (body) => decodeProtobuf(body),
  list: (head, items) => ({ parts: protobufListParts(head, items) }),
  frame: (type, object) => encodeWatchFrame(type, object),
};

/** The formats this server speaks; another one is added by listing it here. */
export class Codecs {
  readonly #codecs: readonly Codec[];
  readonly #byType = new Map<string, Codec>();

  constructor(codecs: readonly Codec[] = [jsonCodec, yamlCodec, protobufCodec]) {
    this.#codecs = codecs;
    for (const codec of codecs) this.#byType.set(codec.mediaType, codec);
  }

  mediaTypes(): string[] {
    return this.#codecs.map((codec) => codec.mediaType);
  }

  /** `type` may be a range with stars. */
  forAccept(type: string): Codec | undefined {
    if (type === "*/*" || type === "application/*") return jsonCodec;
    return this.#byType.get(type);
  }

  /** The codec of a body; JSON when nothing is said. Throws UnsupportedMediaType. */
  forBody(contentType: string | undefined): Codec {
    if (contentType === undefined || contentType === "") return jsonCodec;
    const exact = this.#byType.get(contentType);
    if (exact !== undefined) return exact;
    const type = parseMediaType(contentType);
    const codec = type === undefined ? undefined : this.#byType.get(type);
    if (codec === undefined) throw newUnsupportedMediaType(this.mediaTypes());
    return codec;
  }

  /** The object in a body that is to be of that kind. Throws BadRequest. */
  decodeObject(contentType: string | undefined, body: Uint8Array, kind = ""): KubeObject {
    return this.decodeValue(this.forBody(contentType), body, (problem) => bodyProblem(kind, problem, body));
  }

  /** The object in a body; throws what `refusal` makes of a problem's text. */
  decodeValue(codec: Codec, body: Uint8Array, refusal: (problem: string) => Error): KubeObject {
    let value: unknown;
    try {
      value = codec.decode(body);
      if (codec !== jsonCodec) checkDepth(value);
    } catch (error) {
      throw refusal((error as Error).message);
    }
    // An object without fields, as Go reads it.
    if (value === null || value === undefined) return {};
    if (typeof value !== "object" || Array.isArray(value)) {
      throw refusal(`${NO_VERSION}json: cannot unmarshal ${goJsonType(value)} into Go value of type ${GO_TYPE_META}`);
    }
    return value;
  }
}
