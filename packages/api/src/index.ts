export { RESOURCES } from "./generated/resources.ts";
export type { ResourceInfo, SubresourceInfo } from "./resource-info.ts";
export { modelSchema, schemaFor } from "./schema/api-schema.ts";
export type { ApiFieldSchema, ApiScalarSchema, ApiStructSchema } from "./schema/api-schema.ts";
export { applySchemaDefaults } from "./decode/schema-defaults.ts";
export { findDuplicateFields } from "./decode/duplicate-fields.ts";
export { checkDepth, parseJson, wellFormed } from "./decode/parse-json.ts";
export { longIntegersOf, mayBeInexact, noteLongIntegers } from "./decode/long-integers.ts";
export { prune, strictDecodingWarnings, validateShape } from "./decode/validate-shape.ts";
export type { ShapeOptions, ShapeReport } from "./decode/validate-shape.ts";
export {
  openapiV2,
  openapiV2Protobuf,
  openapiV2Text,
  openapiV3,
  openapiV3Index,
  openapiV3Protobuf,
  openapiV3Text,
} from "./openapi.ts";
export type { OpenAPIV3Index } from "./openapi.ts";
export { encodeOpenapiV2 } from "./protobuf/openapi.ts";
export { encodeOpenapiV3 } from "./protobuf/openapi-v3.ts";
export { decodeProtobuf, encodeProtobuf, encodeWatchFrame, hasProtobuf, isProtobuf } from "./protobuf/envelope.ts";
