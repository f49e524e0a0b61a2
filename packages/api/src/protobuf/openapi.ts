import { OPENAPI_MESSAGES } from "./openapi-messages.ts";
import { OpenApiWriter } from "./openapi-writer.ts";
import type { Json, SpecialMessage } from "./openapi-writer.ts";

/**
 * The protobuf form of an OpenAPI v2 document, which kubectl reads up to 1.26 and with it every client of that age. Keys that the form
 * has no place for are left out; a type of security other than apiKey and basic is an error. The bytes of two documents, one after the
 * other, are those of a document that has the definitions and paths of both.
 */
export function encodeOpenapiV2(document: Json): Uint8Array {
  const writer = new OpenApiWriter(OPENAPI_MESSAGES, SPECIAL);
  writer.message("Document", document);
  return writer.wire.finish();
}

/** Messages whose form depends on the value. */
const SPECIAL: Readonly<Record<string, SpecialMessage>> = {
  AdditionalProperties(writer, value) {
    if (typeof value !== "boolean") {
      writer.sub(1, () => writer.message("Schema", value));
      return;
    }
    writer.choice(2, value);
  },
  StringList(writer, value) {
    writer.field(1, "strings", Array.isArray(value) ? value : [value]);
  },
  Items(writer, value) {
    const schemas = Array.isArray(value) ? value : [value];
    for (const schema of schemas) writer.sub(1, () => writer.message("Schema", schema));
  },
  ParametersItem(writer, value) {
    const parameter = value as Json;
    if ("$ref" in parameter) writer.sub(2, () => writer.message("JsonReference", parameter));
    else writer.sub(1, () => writeParameter(writer, parameter));
  },
  ResponseValue(writer, value) {
    const response = value as Json;
    if ("$ref" in response) writer.sub(2, () => writer.message("JsonReference", response));
    else
      writer.sub(1, () => {
        const { schema, ...rest } = response;
        writer.message("Response", schema === undefined ? rest : { ...rest, schema: { schema } });
      });
  },
  SecurityDefinition(writer, value) {
    const type = String((value as Json).type);
    if (type === "basic") writer.sub(1, () => writer.message("BasicSecurity", value));
    else if (type === "apiKey") writer.sub(2, () => writer.message("ApiKeySecurity", value));
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

function writeParameter(writer: OpenApiWriter, parameter: Json): void {
  const { in: place } = parameter;
  if (place === "body") {
    writer.sub(1, () => writer.message("BodyParameter", parameter));
    return;
  }
  const known = PLACES[String(place)];
  if (known === undefined) throw new Error(`OpenAPI has no parameters in ${String(place)}`);
  writer.sub(2, () => writer.sub(known[0], () => writer.message(known[1], parameter)));
}
