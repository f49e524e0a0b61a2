import { OPENAPI_MESSAGES, type OpenApiKind, type OpenApiMessage } from "./openapi-messages.ts";
import { BYTES, FIXED64, VARINT, WireWriter } from "./wire.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * The protobuf form of an OpenAPI v2 document, which kubectl reads up to 1.26 and with it every client of that age. Keys that the form
 * has no place for are left out; a type of security other than apiKey and basic is an error. The bytes of two documents, one after the
 * other, are those of a document that has the definitions and paths of both.
 */
export function encodeOpenapiV2(document: Json): Uint8Array {
  const writer = new WireWriter(4 * 1024 * 1024);
  writeMessage(writer, "Document", document);
  return writer.finish();
}

function writeMessage(writer: WireWriter, name: string, value: unknown): void {
  const special = SPECIAL[name];
  if (special !== undefined) {
    special(writer, value);
    return;
  }
  const message = OPENAPI_MESSAGES[name];
  if (message === undefined) throw new Error(`OpenAPI's protobuf form has no message ${name}`);
  for (const [key, field] of Object.entries(value as Json)) writeKey(writer, message, key, field);
}

function writeKey(writer: WireWriter, message: OpenApiMessage, key: string, value: unknown): void {
  if (value === undefined) return;
  const { fields, extensions, others } = message;
  const known = Object.hasOwn(fields, key) ? fields[key] : undefined;
  if (known !== undefined) writeField(writer, known[0], known[1], value);
  else if (extensions !== undefined && key.startsWith("x-"))
    writePair(writer, extensions, key, () => writeAny(writer, value));
  else if (others !== undefined) writePair(writer, others[0], key, () => writeMessage(writer, others[1], value));
}

function writeField(writer: WireWriter, number: number, kind: OpenApiKind, value: unknown): void {
  if (typeof kind === "object") {
    writeNested(writer, number, kind, value);
    return;
  }
  switch (kind) {
    case "string":
      writer.tag(number, BYTES);
      writer.string(String(value));
      return;
    case "strings":
      for (const item of value as readonly string[]) writeField(writer, number, "string", item);
      return;
    case "boolean":
      if (value !== true) return;
      writer.tag(number, VARINT);
      writer.varint(1);
      return;
    case "int64":
      writer.tag(number, VARINT);
      writer.varint(value as number);
      return;
    case "double":
      writer.tag(number, FIXED64);
      writer.double(value as number);
      return;
    case "any":
      writeSub(writer, number, () => writeAny(writer, value));
      return;
    case "anys":
      for (const item of value as readonly unknown[]) writeField(writer, number, "any", item);
  }
}

function writeNested(writer: WireWriter, number: number, kind: Extract<OpenApiKind, object>, value: unknown): void {
  if ("message" in kind) {
    writeSub(writer, number, () => writeMessage(writer, kind.message, value));
  } else if ("messages" in kind) {
    for (const item of value as readonly unknown[]) {
      writeSub(writer, number, () => writeMessage(writer, kind.messages, item));
    }
  } else {
    writeSub(writer, number, () => {
      for (const [key, item] of Object.entries(value as Json)) {
        writePair(writer, 1, key, () => writeMessage(writer, kind.named, item));
      }
    });
  }
}

function writeSub(writer: WireWriter, number: number, write: () => void): void {
  writer.tag(number, BYTES);
  writer.message(write);
}

/** A pair of name (1) and message (2). */
function writePair(writer: WireWriter, number: number, name: string, write: () => void): void {
  writeSub(writer, number, () => {
    writeField(writer, 1, "string", name);
    writeSub(writer, 2, write);
  });
}

/** Any: its field 2 is YAML, of which JSON is a part. */
function writeAny(writer: WireWriter, value: unknown): void {
  writeField(writer, 2, "string", `${JSON.stringify(value)}\n`);
}

/** Messages whose form depends on the value. */
const SPECIAL: Readonly<Record<string, (writer: WireWriter, value: unknown) => void>> = {
  AdditionalProperties(writer, value) {
    if (typeof value !== "boolean") {
      writeSub(writer, 1, () => writeMessage(writer, "Schema", value));
      return;
    }
    // Part of a choice: false is written too.
    writer.tag(2, VARINT);
    writer.varint(value ? 1 : 0);
  },
  StringList(writer, value) {
    writeField(writer, 1, "strings", Array.isArray(value) ? value : [value]);
  },
  Items(writer, value) {
    const schemas = Array.isArray(value) ? value : [value];
    for (const schema of schemas) writeSub(writer, 1, () => writeMessage(writer, "Schema", schema));
  },
  ParametersItem(writer, value) {
    const parameter = value as Json;
    if ("$ref" in parameter) writeSub(writer, 2, () => writeMessage(writer, "JsonReference", parameter));
    else writeSub(writer, 1, () => writeParameter(writer, parameter));
  },
  ResponseValue(writer, value) {
    const response = value as Json;
    if ("$ref" in response) writeSub(writer, 2, () => writeMessage(writer, "JsonReference", response));
    else
      writeSub(writer, 1, () => {
        const { schema, ...rest } = response;
        writeMessage(writer, "Response", schema === undefined ? rest : { ...rest, schema: { schema } });
      });
  },
  SecurityDefinition(writer, value) {
    const type = String((value as Json).type);
    if (type === "basic") writeSub(writer, 1, () => writeMessage(writer, "BasicSecurity", value));
    else if (type === "apiKey") writeSub(writer, 2, () => writeMessage(writer, "ApiKeySecurity", value));
    else throw new Error(`OpenAPI's security of type ${type} is not known here`);
  },
};

/** Where a parameter outside the body stands among its kinds. */
const PLACES: Readonly<Record<string, readonly [number: number, message: string]>> = {
  header: [1, "HeaderParameter"],
  formData: [2, "FormDataParameter"],
  query: [3, "QueryParameter"],
  path: [4, "PathParameter"],
};

function writeParameter(writer: WireWriter, parameter: Json): void {
  const { in: place } = parameter;
  if (place === "body") {
    writeSub(writer, 1, () => writeMessage(writer, "BodyParameter", parameter));
    return;
  }
  const known = PLACES[String(place)];
  if (known === undefined) throw new Error(`OpenAPI has no parameters in ${String(place)}`);
  writeSub(writer, 2, () => writeSub(writer, known[0], () => writeMessage(writer, known[1], parameter)));
}
