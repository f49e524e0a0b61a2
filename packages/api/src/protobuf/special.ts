import { durationNanos, formatNanos } from "../decode/times.ts";
import type { MessageCodec } from "./message.ts";
import { BYTES, VARINT } from "./wire.ts";
import type { WireReader, WireWriter } from "./wire.ts";

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** Every field of a message in turn. */
export function eachField(reader: WireReader, visit: (field: number, type: number) => boolean): void {
  while (!reader.done) {
    const tag = reader.varint();
    const type = tag % 8;
    if (!visit((tag - type) / 8, type)) reader.skipField(type);
  }
}

/** {1: string} */
export const quantityCodec: MessageCodec = {
  encode(value, writer) {
    writer.tag(1, BYTES);
    writer.string(String(value));
  },
  decode(reader) {
    let value = "0";
    eachField(reader, (field) => {
      if (field !== 1) return false;
      value = reader.string() || "0";
      return true;
    });
    return value;
  },
};

/** {1: int64 type (0 number, 1 string), 2: int32, 3: string} */
export const intOrStringCodec: MessageCodec = {
  encode(value, writer) {
    const isString = typeof value === "string";
    writer.tag(1, VARINT);
    writer.varint(isString ? 1 : 0);
    writer.tag(2, VARINT);
    writer.varint(typeof value === "number" ? value : 0);
    writer.tag(3, BYTES);
    writer.string(isString ? value : "");
  },
  decode(reader) {
    let isString = false;
    let number = 0;
    let string = "";
    eachField(reader, (field) => {
      if (field === 1) isString = reader.varint() === 1;
      else if (field === 2) number = reader.varint();
      else if (field === 3) string = reader.string();
      else return false;
      return true;
    });
    return isString ? string : number;
  },
};

/** {1: bytes of JSON}: RawExtension, FieldsV1, JSON. */
export const rawJsonCodec: MessageCodec = {
  encode(value, writer) {
    writer.tag(1, BYTES);
    writer.bytes(utf8.encode(JSON.stringify(value)));
  },
  decode(reader) {
    let value: unknown;
    eachField(reader, (field) => {
      if (field !== 1) return false;
      const raw = reader.bytes();
      if (raw.length > 0) value = JSON.parse(text.decode(raw));
      return true;
    });
    return value;
  },
};

/** {1: int64 seconds, 2: int32 nanoseconds}; empty for no time at all. */
const timeCodec = (format: (seconds: number, nanos: number) => string): MessageCodec => ({
  encode(value, writer) {
    if (typeof value !== "string" || value === "") return;
    const milliseconds = Date.parse(value);
    const fraction = /\.(\d+)/.exec(value)?.[1] ?? "";
    writer.tag(1, VARINT);
    writer.varint(Math.floor(milliseconds / 1000));
    writer.tag(2, VARINT);
    writer.varint(Number(fraction.slice(0, 9).padEnd(9, "0")));
  },
  decode(reader) {
    if (reader.done) return undefined;
    let seconds = 0;
    let nanos = 0;
    eachField(reader, (field) => {
      if (field === 1) seconds = reader.varint();
      else if (field === 2) nanos = reader.varint();
      else return false;
      return true;
    });
    return format(seconds, nanos);
  },
});

const wholeSeconds = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19);

export const secondsCodec = timeCodec((seconds) => `${wholeSeconds(seconds)}Z`);
export const microTimeCodec = timeCodec(
  (seconds, nanos) => `${wholeSeconds(seconds)}.${String(Math.floor(nanos / 1000)).padStart(6, "0")}Z`,
);

/** {1: int64 nanoseconds} */
export const durationCodec: MessageCodec = {
  encode(value, writer) {
    writer.tag(1, VARINT);
    writer.varint(Number(durationNanos(String(value))));
  },
  decode(reader) {
    let nanos = 0;
    eachField(reader, (field) => {
      if (field !== 1) return false;
      nanos = reader.varint();
      return true;
    });
    return formatNanos(BigInt(nanos));
  },
};

/** A schema, or something simpler in its place, each under a number of its own. */
export function schemaOr(schema: () => MessageCodec, kind: "array" | "bool" | "strings"): MessageCodec {
  const schemaField = kind === "bool" ? 2 : 1;
  const writeSchema = (field: number, value: unknown, writer: WireWriter): void => {
    writer.tag(field, BYTES);
    writer.message(() => schema().encode(value, writer));
  };
  return {
    encode(value, writer) {
      if (kind === "bool") {
        writer.tag(1, VARINT);
        // A schema in place of the boolean allows what it describes.
        writer.varint(value === false ? 0 : 1);
      }
      if (Array.isArray(value)) {
        for (const each of value as unknown[]) {
          if (kind === "array") writeSchema(2, each, writer);
          else {
            writer.tag(2, BYTES);
            writer.string(String(each));
          }
        }
      } else if (typeof value === "object" && value !== null) writeSchema(schemaField, value, writer);
    },
    decode(reader) {
      let allows = false;
      let single: unknown;
      const list: unknown[] = [];
      eachField(reader, (field) => {
        if (field === schemaField) single = schema().decode(reader.message());
        else if (field === 1) allows = reader.varint() === 1;
        else if (field === 2) list.push(kind === "array" ? schema().decode(reader.message()) : reader.string());
        else return false;
        return true;
      });
      if (single !== undefined) return single;
      return kind === "bool" ? allows : list;
    },
  };
}
