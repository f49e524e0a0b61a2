import type { OpenApiKind, OpenApiMessage } from "./openapi-messages.ts";
import { OpenApiWriter } from "./openapi-writer.ts";
import type { Json, SpecialMessage } from "./openapi-writer.ts";

/** The protobuf form of an OpenAPI v3 document (gnostic's `openapi.v3`). Keys that the form has no place for are left out. */
export function encodeOpenapiV3(document: Json): Uint8Array {
  const writer = new OpenApiWriter(MESSAGES, SPECIAL);
  writer.message("Document", document);
  return writer.wire.finish();
}

const operation: OpenApiKind = { message: "Operation" };
const schema: OpenApiKind = { message: "SchemaOrReference" };
const schemas: OpenApiKind = { messages: "SchemaOrReference" };
const content: OpenApiKind = { named: "MediaType" };
const externalDocs: OpenApiKind = { message: "ExternalDocs" };

/** For each message the field number of every JSON key and what stands there: only messages that a Kubernetes document contains. */
const MESSAGES: Readonly<Record<string, OpenApiMessage>> = {
  Document: {
    fields: {
      openapi: [1, "string"],
      info: [2, { message: "Info" }],
      paths: [4, { message: "Paths" }],
      components: [5, { message: "Components" }],
      security: [6, { messages: "SecurityRequirement" }],
      externalDocs: [8, externalDocs],
    },
    extensions: 9,
  },
  Info: {
    fields: {
      title: [1, "string"],
      description: [2, "string"],
      termsOfService: [3, "string"],
      version: [6, "string"],
      summary: [8, "string"],
    },
    extensions: 7,
  },
  Paths: { fields: {}, extensions: 2, others: [1, "PathItem"] },
  PathItem: {
    fields: {
      $ref: [1, "string"],
      summary: [2, "string"],
      description: [3, "string"],
      get: [4, operation],
      put: [5, operation],
      post: [6, operation],
      delete: [7, operation],
      options: [8, operation],
      head: [9, operation],
      patch: [10, operation],
      trace: [11, operation],
      parameters: [13, { messages: "ParameterOrReference" }],
    },
    extensions: 14,
  },
  Operation: {
    fields: {
      tags: [1, "strings"],
      summary: [2, "string"],
      description: [3, "string"],
      externalDocs: [4, externalDocs],
      operationId: [5, "string"],
      parameters: [6, { messages: "ParameterOrReference" }],
      requestBody: [7, { message: "RequestBodyOrReference" }],
      responses: [8, { message: "Responses" }],
      deprecated: [10, "boolean"],
      security: [11, { messages: "SecurityRequirement" }],
    },
    extensions: 13,
  },
  Parameter: {
    fields: {
      name: [1, "string"],
      in: [2, "string"],
      description: [3, "string"],
      required: [4, "boolean"],
      deprecated: [5, "boolean"],
      allowEmptyValue: [6, "boolean"],
      style: [7, "string"],
      explode: [8, "boolean"],
      allowReserved: [9, "boolean"],
      schema: [10, schema],
      example: [11, "any"],
      content: [13, content],
    },
    extensions: 14,
  },
  RequestBody: {
    fields: { description: [1, "string"], content: [2, content], required: [3, "boolean"] },
    extensions: 4,
  },
  MediaType: { fields: { schema: [1, schema], example: [2, "any"] }, extensions: 5 },
  Responses: {
    fields: { default: [1, { message: "ResponseOrReference" }] },
    extensions: 3,
    others: [2, "ResponseOrReference"],
  },
  Response: { fields: { description: [1, "string"], content: [3, content] }, extensions: 5 },
  Reference: { fields: { $ref: [1, "string"], summary: [2, "string"], description: [3, "string"] } },
  Components: {
    fields: {
      schemas: [1, { named: "SchemaOrReference" }],
      responses: [2, { named: "ResponseOrReference" }],
      parameters: [3, { named: "ParameterOrReference" }],
      requestBodies: [5, { named: "RequestBodyOrReference" }],
      securitySchemes: [7, { named: "SecuritySchemeOrReference" }],
    },
    extensions: 10,
  },
  SecurityScheme: {
    fields: {
      type: [1, "string"],
      description: [2, "string"],
      name: [3, "string"],
      in: [4, "string"],
      scheme: [5, "string"],
      bearerFormat: [6, "string"],
      openIdConnectUrl: [8, "string"],
    },
    extensions: 9,
  },
  SecurityRequirement: { fields: {}, others: [1, "StringArray"] },
  ExternalDocs: { fields: { description: [1, "string"], url: [2, "string"] }, extensions: 3 },
  Schema: {
    fields: {
      nullable: [1, "boolean"],
      readOnly: [3, "boolean"],
      writeOnly: [4, "boolean"],
      externalDocs: [6, externalDocs],
      example: [7, "any"],
      deprecated: [8, "boolean"],
      title: [9, "string"],
      multipleOf: [10, "double"],
      maximum: [11, "double"],
      exclusiveMaximum: [12, "boolean"],
      minimum: [13, "double"],
      exclusiveMinimum: [14, "boolean"],
      maxLength: [15, "int64"],
      minLength: [16, "int64"],
      pattern: [17, "string"],
      maxItems: [18, "int64"],
      minItems: [19, "int64"],
      uniqueItems: [20, "boolean"],
      maxProperties: [21, "int64"],
      minProperties: [22, "int64"],
      required: [23, "strings"],
      enum: [24, "anys"],
      type: [25, "string"],
      allOf: [26, schemas],
      oneOf: [27, schemas],
      anyOf: [28, schemas],
      not: [29, { message: "Schema" }],
      items: [30, { message: "ItemsItem" }],
      properties: [31, { named: "SchemaOrReference" }],
      additionalProperties: [32, { message: "AdditionalPropertiesItem" }],
      default: [33, { message: "DefaultType" }],
      description: [34, "string"],
      format: [35, "string"],
    },
    extensions: 36,
  },
};

/** A choice of the message (1) and a reference to one (2). */
const orReference =
  (name: string): SpecialMessage =>
  (writer, value) => {
    if (Object.hasOwn(value as Json, "$ref")) writer.sub(2, () => writer.message("Reference", value));
    else writer.sub(1, () => writer.message(name, value));
  };

const SPECIAL: Readonly<Record<string, SpecialMessage>> = {
  SchemaOrReference: orReference("Schema"),
  ParameterOrReference: orReference("Parameter"),
  RequestBodyOrReference: orReference("RequestBody"),
  ResponseOrReference: orReference("Response"),
  SecuritySchemeOrReference: orReference("SecurityScheme"),
  StringArray(writer, value) {
    writer.field(1, "strings", value);
  },
  ItemsItem(writer, value) {
    writer.field(1, schemas, Array.isArray(value) ? value : [value]);
  },
  AdditionalPropertiesItem(writer, value) {
    if (typeof value === "boolean") writer.choice(2, value);
    else writer.field(1, schema, value);
  },
  /** Objects and lists have no place in it: there is a default, and that is all it says. */
  DefaultType(writer, value) {
    if (typeof value === "number") writer.field(1, "double", value);
    else if (typeof value === "boolean") writer.choice(2, value);
    else if (typeof value === "string") writer.field(3, "string", value);
  },
};
