/**
 * The messages of OpenAPI v2's protobuf form (gnostic's `openapi.v2`, what `application/com.github.proto-openapi.spec.v2.v1.0+protobuf`
 * carries): for each message, the field number of every JSON key and what kind of value stands there. Only messages that a Kubernetes
 * document contains.
 */
export type OpenApiKind =
  | "string"
  | "strings"
  | "boolean"
  | "int64"
  | "double"
  /** Any JSON value, as YAML text in a message of its own. */
  | "any"
  | "anys"
  /** Another message, or a list of them, by name. */
  | { readonly message: string }
  | { readonly messages: string }
  /** A JSON object with free keys: a message whose field 1 repeats pairs of name and message. */
  | { readonly named: string };

export type OpenApiField = readonly [number: number, kind: OpenApiKind];

export interface OpenApiMessage {
  readonly fields: Readonly<Record<string, OpenApiField>>;
  /** Where keys that begin with x- go. */
  readonly extensions?: number;
  /** Where all other keys go, as pairs of name and message. */
  readonly others?: readonly [number: number, message: string];
}

const schema: OpenApiKind = { message: "Schema" };
const operation: OpenApiKind = { message: "Operation" };

/** What all parameters outside the body share, at numbers that depend on the place. */
function parameter(shift: number): OpenApiMessage {
  const fields: Record<string, OpenApiField> = {
    required: [1, "boolean"],
    in: [2, "string"],
    description: [3, "string"],
    name: [4, "string"],
    type: [5 + shift, "string"],
    format: [6 + shift, "string"],
    collectionFormat: [8 + shift, "string"],
    default: [9 + shift, "any"],
    maximum: [10 + shift, "double"],
    exclusiveMaximum: [11 + shift, "boolean"],
    minimum: [12 + shift, "double"],
    exclusiveMinimum: [13 + shift, "boolean"],
    maxLength: [14 + shift, "int64"],
    minLength: [15 + shift, "int64"],
    pattern: [16 + shift, "string"],
    maxItems: [17 + shift, "int64"],
    minItems: [18 + shift, "int64"],
    uniqueItems: [19 + shift, "boolean"],
    enum: [20 + shift, "anys"],
    multipleOf: [21 + shift, "double"],
  };
  // A query alone may have a parameter without a value.
  if (shift > 0) fields.allowEmptyValue = [5, "boolean"];
  return { fields, extensions: 22 + shift };
}

export const OPENAPI_MESSAGES: Readonly<Record<string, OpenApiMessage>> = {
  Document: {
    fields: {
      swagger: [1, "string"],
      info: [2, { message: "Info" }],
      host: [3, "string"],
      basePath: [4, "string"],
      schemes: [5, "strings"],
      consumes: [6, "strings"],
      produces: [7, "strings"],
      paths: [8, { message: "Paths" }],
      definitions: [9, { named: "Schema" }],
      security: [12, { messages: "SecurityRequirement" }],
      securityDefinitions: [13, { named: "SecurityDefinition" }],
    },
    extensions: 16,
  },
  Info: {
    fields: {
      title: [1, "string"],
      version: [2, "string"],
      description: [3, "string"],
      termsOfService: [4, "string"],
    },
    extensions: 7,
  },
  Paths: { fields: {}, extensions: 1, others: [2, "PathItem"] },
  PathItem: {
    fields: {
      $ref: [1, "string"],
      get: [2, operation],
      put: [3, operation],
      post: [4, operation],
      delete: [5, operation],
      options: [6, operation],
      head: [7, operation],
      patch: [8, operation],
      parameters: [9, { messages: "ParametersItem" }],
    },
    extensions: 10,
  },
  Operation: {
    fields: {
      tags: [1, "strings"],
      summary: [2, "string"],
      description: [3, "string"],
      operationId: [5, "string"],
      produces: [6, "strings"],
      consumes: [7, "strings"],
      parameters: [8, { messages: "ParametersItem" }],
      responses: [9, { message: "Responses" }],
      schemes: [10, "strings"],
      deprecated: [11, "boolean"],
      security: [12, { messages: "SecurityRequirement" }],
    },
    extensions: 13,
  },
  Responses: { fields: {}, extensions: 2, others: [1, "ResponseValue"] },
  Response: {
    fields: { description: [1, "string"], schema: [2, { message: "SchemaItem" }] },
    extensions: 5,
  },
  SchemaItem: { fields: { schema: [1, schema] } },
  JsonReference: { fields: { $ref: [1, "string"], description: [2, "string"] } },
  BodyParameter: {
    fields: {
      description: [1, "string"],
      name: [2, "string"],
      in: [3, "string"],
      required: [4, "boolean"],
      schema: [5, schema],
    },
    extensions: 6,
  },
  HeaderParameter: parameter(0),
  PathParameter: parameter(0),
  FormDataParameter: parameter(1),
  QueryParameter: parameter(1),
  Schema: {
    fields: {
      $ref: [1, "string"],
      format: [2, "string"],
      title: [3, "string"],
      description: [4, "string"],
      default: [5, "any"],
      multipleOf: [6, "double"],
      maximum: [7, "double"],
      exclusiveMaximum: [8, "boolean"],
      minimum: [9, "double"],
      exclusiveMinimum: [10, "boolean"],
      maxLength: [11, "int64"],
      minLength: [12, "int64"],
      pattern: [13, "string"],
      maxItems: [14, "int64"],
      minItems: [15, "int64"],
      uniqueItems: [16, "boolean"],
      maxProperties: [17, "int64"],
      minProperties: [18, "int64"],
      required: [19, "strings"],
      enum: [20, "anys"],
      additionalProperties: [21, { message: "AdditionalProperties" }],
      type: [22, { message: "StringList" }],
      items: [23, { message: "Items" }],
      allOf: [24, { messages: "Schema" }],
      properties: [25, { named: "Schema" }],
      discriminator: [26, "string"],
      readOnly: [27, "boolean"],
      externalDocs: [29, { message: "ExternalDocs" }],
      example: [30, "any"],
    },
    extensions: 31,
  },
  ExternalDocs: { fields: { description: [1, "string"], url: [2, "string"] }, extensions: 3 },
  ApiKeySecurity: {
    fields: { type: [1, "string"], name: [2, "string"], in: [3, "string"], description: [4, "string"] },
    extensions: 5,
  },
  BasicSecurity: { fields: { type: [1, "string"], description: [2, "string"] }, extensions: 3 },
  SecurityRequirement: { fields: {}, others: [1, "StringList"] },
};
