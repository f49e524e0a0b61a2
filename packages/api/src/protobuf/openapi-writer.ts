import type { OpenApiKind, OpenApiMessage } from "./openapi-messages.ts";
import { BYTES, FIXED64, VARINT, WireWriter } from "./wire.ts";

export type Json = Readonly<Record<string, unknown>>;

/** How a message is written whose form depends on its value. */
export type SpecialMessage = (writer: OpenApiWriter, value: unknown) => void;

/** Writes the protobuf form of OpenAPI documents by the tables of a version's messages. */
export class OpenApiWriter {
  readonly wire = new WireWriter(1024 * 1024);
  readonly #messages: Readonly<Record<string, OpenApiMessage>>;
  readonly #special: Readonly<Record<string, SpecialMessage>>;

  constructor(messages: Readonly<Record<string, OpenApiMessage>>, special: Readonly<Record<string, SpecialMessage>>) {
    this.#messages = messages;
    this.#special = special;
  }

  message(name: string, value: unknown): void {
    const special = this.#special[name];
    if (special !== undefined) {
      special(this, value);
      return;
    }
    const message = this.#messages[name];
    if (message === undefined) throw new Error(`OpenAPI's protobuf form has no message ${name}`);
    for (const [key, field] of Object.entries(value as Json)) this.#key(message, key, field);
  }

  #key(message: OpenApiMessage, key: string, value: unknown): void {
    if (value === undefined) return;
    const { fields, extensions, others } = message;
    const known = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (known !== undefined) this.field(known[0], known[1], value);
    else if (extensions !== undefined && key.startsWith("x-")) this.#pair(extensions, key, () => this.#any(value));
    else if (others !== undefined) this.#pair(others[0], key, () => this.message(others[1], value));
  }

  field(number: number, kind: OpenApiKind, value: unknown): void {
    if (typeof kind === "object") {
      this.#nested(number, kind, value);
      return;
    }
    const { wire } = this;
    switch (kind) {
      case "string":
        wire.tag(number, BYTES);
        wire.string(String(value));
        return;
      case "strings":
        for (const item of value as readonly string[]) this.field(number, "string", item);
        return;
      case "boolean":
        if (value !== true) return;
        wire.tag(number, VARINT);
        wire.varint(1);
        return;
      case "int64":
        wire.tag(number, VARINT);
        wire.varint(value as number);
        return;
      case "double":
        wire.tag(number, FIXED64);
        wire.double(value as number);
        return;
      case "any":
        this.sub(number, () => this.#any(value));
        return;
      case "anys":
        for (const item of value as readonly unknown[]) this.field(number, "any", item);
    }
  }

  #nested(number: number, kind: Extract<OpenApiKind, object>, value: unknown): void {
    if ("message" in kind) {
      this.sub(number, () => this.message(kind.message, value));
    } else if ("messages" in kind) {
      for (const item of value as readonly unknown[]) this.sub(number, () => this.message(kind.messages, item));
    } else {
      this.sub(number, () => {
        for (const [key, item] of Object.entries(value as Json))
          this.#pair(1, key, () => this.message(kind.named, item));
      });
    }
  }

  /** A message within. */
  sub(number: number, write: () => void): void {
    this.wire.tag(number, BYTES);
    this.wire.message(write);
  }

  /** A boolean that is part of a choice: false is written too. */
  choice(number: number, value: boolean): void {
    this.wire.tag(number, VARINT);
    this.wire.varint(value ? 1 : 0);
  }

  /** A pair of name (1) and message (2). */
  #pair(number: number, name: string, write: () => void): void {
    this.sub(number, () => {
      this.field(1, "string", name);
      this.sub(2, write);
    });
  }

  /** Any: its field 2 is YAML, of which JSON is a part. */
  #any(value: unknown): void {
    this.field(2, "string", `${JSON.stringify(value)}\n`);
  }
}
